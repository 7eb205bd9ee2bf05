"""Populations, places and start states: exact counts, laws within |z| < 4, what is said when they cannot be."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lpmdsl.diagnostics import LpmError
from lpmdsl.networks.places import allocate, constant
from lpmdsl.networks.random import WORLD_REPLICATE, uniforms, words
from lpmdsl.networks.rng_keys import site
from lpmdsl.networks.storage.csr import Unbuildable
from lpmdsl.population import memory
from lpmdsl.population.draws import WHOLE, draw
from lpmdsl.population.memory import estimate_bytes, physical_bytes
from lpmdsl.population.people import build_world, start_states
from lpmdsl.quantities import BOOLEAN, CONTACT_RATE, DURATION, NUMBER, SHARE, Kind, Type
from lpmdsl.semantics.host.evaluate import Scope
from lpmdsl.semantics.model import (
    Agent,
    Apply,
    Attribute,
    AttributeRef,
    Clock,
    Condition,
    Distribution,
    Generator,
    InState,
    Literal_,
    Model,
    Network,
    ParameterRef,
    Place,
    Start,
    StartExcept,
    Table,
    TableRef,
)
from lpmdsl.source import NOWHERE

AGES = Type(Kind.CATEGORY, labels=("child", "adult", "elder"))
YEAR = 365.25


def lit(value: float, type_: Type = NUMBER) -> Literal_:
    return Literal_(value, type_, NOWHERE)


def dist(family: str, type_: Type = NUMBER, table: str | None = None, weights=(), **arguments) -> Distribution:
    pairs = tuple((k, lit(v) if isinstance(v, int | float) else v) for k, v in arguments.items())
    return Distribution(family, pairs, table, tuple(weights), type_, NOWHERE)


def attribute(name: str, type_: Type = NUMBER, **how) -> Attribute:
    value, drawn, band, column = (how.get(way) for way in ("value", "drawn", "band", "column"))
    return Attribute(name, type_, value, drawn, band, column, "", 1.0, False, "", NOWHERE)


def place(name: str, size, where=None, within: tuple[AttributeRef, ...] = ()) -> Place:
    return Place(name, size, where, "", NOWHERE, within, size is None)


def table(name: str, by, keys, values, type_=SHARE) -> Table:
    return Table(name, by, keys, values, type_, "", "", NOWHERE)


def agent(*members, count: int | None = 1000, file: str | None = None) -> Agent:
    return Agent("Person", count, file, NOWHERE if file else None, members, "", NOWHERE)


def network(name: str, generator: str = "", file: str | None = None, **arguments) -> Network:
    pairs = tuple((k, lit(v) if isinstance(v, int | float) else v) for k, v in arguments.items())
    made = Generator(generator, pairs, NOWHERE) if generator else None
    return Network(name, "Person", "ties", "", None, made, file, None, False, "", "", NOWHERE)


def condition(*exceptions, name: str = "Flu") -> Condition:
    start = Start(0, exceptions, NOWHERE)
    return Condition(name, "Person", ("S", "E", "I", "R"), start, (), (), (), (), False, "", NOWHERE)


def exception(state: int, k: int = 0, **how) -> StartExcept:
    number, share, where = (how.get(way) for way in ("number", "share", "where"))
    return StartExcept(number, share, where, state, f"Flu.start.except{k}", NOWHERE)


def model(person: Agent, tables=(), networks=(), conditions=(), directory: str = ".") -> Model:
    clock = Clock(1.0, 10, None, NOWHERE)
    return Model(
        "m",
        "1.0",
        "",
        directory,
        clock,
        (),
        tuple(tables),
        (person,),
        tuple(networks),
        tuple(conditions),
        (),
        (),
        (),
        (),
        (),
        (),
        (),
    )


def own(name: str, type_: Type = NUMBER) -> AttributeRef:
    return AttributeRef("Person", name, type_, NOWHERE)


def apply(op: str, *arguments) -> Apply:
    return Apply(op, arguments, BOOLEAN, NOWHERE)


def code(call) -> str:
    with pytest.raises(LpmError) as caught:
        call()
    return caught.value.report.diagnostics[0].code


SIZES = table("sizes", ("",), (("1", "2", "3", "4", "5"),), (0.30, 0.34, 0.16, 0.13, 0.07))
TOWN = agent(
    attribute("age", DURATION, drawn=dist("uniform", DURATION, min=0.0, max=90 * YEAR)),
    attribute("age_group", AGES, band=("age", (lit(18 * YEAR), lit(65 * YEAR)))),
    place("household", dist("empirical", table="sizes")),
    place("school", lit(40.0), apply("lt", own("age"), lit(18 * YEAR))),
    place("workplace", dist("poisson", mean=20.0), apply("eq", own("age_group", AGES), lit(1))),
    attribute("vaccinated", BOOLEAN, value=lit(0.0, BOOLEAN)),
    count=20_000,
)

# ------------------------------------------------------------------ attributes


def test_a_town_has_the_stated_types_ages_and_places():
    world = build_world(model(TOWN, [SIZES]), {}, 1)
    column = {name: values for (_, name), values in world.attributes.items()}
    assert {name: values.dtype for name, values in column.items()} == {
        "age": np.float64,
        "age_group": np.uint8,
        "household": np.int32,
        "school": np.int32,
        "workplace": np.int32,
        "vaccinated": np.uint8,
    }
    assert np.array_equal(column["age"], 90 * YEAR * uniforms(1, 20_000, site("Person.age")))
    assert np.array_equal(column["age_group"], (column["age"] >= 18 * YEAR) * 1 + (column["age"] >= 65 * YEAR))
    assert np.array_equal(column["school"] >= 0, column["age_group"] == 0)
    assert np.array_equal(column["workplace"] >= 0, column["age_group"] == 1)
    assert not column["vaccinated"].any()
    assert np.all(np.bincount(column["school"][column["school"] >= 0])[:-1] == 40)
    for name, number in ((k[1], c) for k, c in world.place_counts.items()):
        assert column[name].max() == number - 1


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    worlds = [build_world(model(TOWN, [SIZES]), {}, seed, {"Person": 500}) for seed in (1, 1, 2)]
    for key in worlds[0].attributes:
        assert np.array_equal(worlds[0].attributes[key], worlds[1].attributes[key])
    assert not np.array_equal(worlds[0].attributes["Person", "age"], worlds[2].attributes["Person", "age"])


def test_a_person_stays_the_same_in_a_larger_population():
    small, large = (build_world(model(TOWN, [SIZES]), {}, 1, {"Person": n}) for n in (500, 900))
    assert np.array_equal(small.attributes["Person", "age"], large.attributes["Person", "age"][:500])


def test_values_read_parameters_tables_and_what_came_before():
    by_age = table("risk", ("age_group",), (AGES.labels,), (0.1, 0.2, 0.7))
    person = agent(
        attribute("age_group", AGES, drawn=dist("categorical", AGES, weights=[lit(2.0), lit(1.0), lit(1.0)])),
        attribute("risk", SHARE, value=TableRef("risk", (own("age_group", AGES),), SHARE, NOWHERE)),
        attribute("scaled", value=apply("mul", own("risk"), ParameterRef("factor", NUMBER, NOWHERE))),
        count=40_000,
    )
    world = build_world(model(person, [by_age]), {"factor": 3.0}, 4)
    groups = world.attributes["Person", "age_group"]
    assert np.allclose(world.attributes["Person", "scaled"], 3 * np.array([0.1, 0.2, 0.7])[groups])
    expected = np.array([0.5, 0.25, 0.25]) * 40_000
    assert np.all(np.abs(np.bincount(groups) - expected) < 4 * np.sqrt(expected))


@pytest.mark.parametrize(
    "family, arguments, law",
    [
        ("poisson", {"mean": 4.0}, stats.poisson(4)),
        ("normal", {"mean": 10.0, "sd": 2.0}, stats.norm(10, 2)),
        ("gamma", {"mean": 5.0, "sd": 2.0}, stats.gamma(6.25, scale=0.8)),
        ("lognormal", {"median": 9.0, "spread": 1.8}, stats.lognorm(math.log(1.8), scale=9)),
        ("negative_binomial", {"mean": 3.0, "dispersion": 0.5}, stats.nbinom(0.5, 1 / 7)),
        ("exponential", {"mean": 3.0}, stats.expon(scale=3)),
    ],
)
def test_drawn_numbers_are_the_quantiles_of_their_law(family, arguments, law):
    n = 5000
    u = uniforms(3, n, 5)
    values = draw(dist(family, **arguments), Scope(model(agent()), {}), u)
    assert np.allclose(values, law.ppf(u))
    assert (family in WHOLE) == np.array_equal(values, np.floor(values))
    assert abs(values.mean() - law.mean()) < 4 * law.std() / math.sqrt(n)


def test_bernoulli_fixed_and_arguments_that_differ_between_people():
    scope = Scope(model(agent()), {}, {("Person", "p"): np.repeat([0.1, 0.9], 5000)})
    u = uniforms(3, 10_000, 5)
    yes = draw(dist("bernoulli", BOOLEAN, p=own("p")), scope, u)
    for half, p in ((yes[:5000], 0.1), (yes[5000:], 0.9)):
        assert abs(half.mean() - p) < 4 * math.sqrt(p * (1 - p) / 5000)
    assert np.all(draw(dist("fixed", value=7.0), scope, u) == 7)
    means = np.repeat([0.1, 0.9], 5000)
    assert np.array_equal(draw(dist("poisson", mean=own("p")), scope, u), stats.poisson(means).ppf(u))


def test_arguments_that_give_no_number_are_an_error():
    person = agent(attribute("age", drawn=dist("gamma", mean=-1.0, sd=1.0)))
    assert code(lambda: build_world(model(person), {}, 1)) == "E0811"


# ------------------------------------------------------------------ places


def test_places_are_filled_in_order_and_the_last_takes_the_rest():
    sizes = np.array([2, 0, 3, 4])
    places, count = allocate(7, None, lambda numbers: sizes[numbers % 4], None)
    assert places.tolist() == [0, 0, 1, 1, 1, 2, 2] and count == 3
    assert allocate(0, None, constant(3), None)[1] == 0
    assert allocate(3, np.zeros(3, bool), constant(3), (1, 2))[0].tolist() == [-1, -1, -1]


def test_members_of_a_place_are_drawn_at_random_in_keyed_order():
    members = np.arange(50) % 2 == 0
    places, count = allocate(50, members, constant(10), (3, 9))
    inside = np.flatnonzero(members)
    order = inside[np.lexsort((inside, words(3, inside, 9)[:, 0]))]
    assert count == 3 and places[order].tolist() == [0] * 10 + [1] * 10 + [2] * 5
    assert np.all(places[~members] == -1)


def test_household_sizes_follow_the_table():
    world = build_world(model(TOWN, [SIZES]), {}, 2)
    found = np.bincount(np.bincount(world.attributes["Person", "household"]), minlength=6)[1:]
    shares = np.array(SIZES.values)
    households = found.sum()
    assert np.all(np.abs(found - households * shares) < 4 * np.sqrt(households * shares * (1 - shares)) + 1)
    assert abs(households - 20_000 / (shares @ np.arange(1, 6))) < 4 * 1.22 / 2.33 * math.sqrt(20_000 / 2.33)


def test_workplaces_are_mixed_over_the_population():
    """Correlation of workplace number and agent number is 0 within 4 standard errors; homes are side by side."""
    world = build_world(model(TOWN, [SIZES]), {}, 2)
    work = world.attributes["Person", "workplace"]
    workers = np.flatnonzero(work >= 0)
    assert abs(np.corrcoef(workers, work[workers])[0, 1]) < 4 / math.sqrt(workers.size)
    assert np.all(np.diff(world.attributes["Person", "household"]) >= 0)


def test_homes_are_shuffled_where_an_agents_number_has_a_meaning():
    """On a ring, neighbours must not live together more often than chance has it."""
    for name, side_by_side in (("ring", False), ("erdos_renyi", True)):
        world = build_world(model(TOWN, [SIZES], [network("friends", name, degree=4.0)]), {}, 2, {"Person": 2000})
        homes = world.attributes["Person", "household"]
        assert bool(np.all(np.diff(homes) >= 0)) == side_by_side
        if not side_by_side:
            assert (np.diff(homes) == 0).sum() < 15  # about 1.5 expected


DISTRICT = Type(Kind.CATEGORY, labels=("north", "south", "isle"))
DISTRICTS = agent(
    attribute("district", DISTRICT, drawn=dist("categorical", DISTRICT, weights=[lit(0.5), lit(0.48), lit(0.02)])),
    attribute("worker", BOOLEAN, drawn=dist("bernoulli", BOOLEAN, p=0.6)),
    place("home", dist("poisson", mean=TableRef("sizes", (own("district", DISTRICT),), NUMBER, NOWHERE)),
          within=(own("district", DISTRICT),)),
    place("club", lit(10.0), own("worker", BOOLEAN), (own("worker", BOOLEAN), own("district", DISTRICT))),
    place("block", TableRef("sizes", (own("district", DISTRICT),), NUMBER, NOWHERE),
          within=(own("district", DISTRICT),)),
    count=30_000,
)  # fmt: skip
BY_DISTRICT = table("sizes", ("district",), (DISTRICT.labels,), (1.0, 3.0, 5.0), NUMBER)


def test_places_within_an_attribute_hold_people_who_are_alike_in_it():
    world = build_world(model(DISTRICTS, [BY_DISTRICT]), {}, 5)
    column = {name: values.astype(np.int64) for (_, name), values in world.attributes.items()}
    for name, alike in (("home", ("district",)), ("club", ("worker", "district")), ("block", ("district",))):
        inside = column[name] >= 0
        count = world.place_counts["Person", name]
        assert np.array_equal(np.unique(column[name][inside]), np.arange(count))
        for attribute_ in alike:
            first = np.zeros(count, np.int64)
            first[column[name][inside]] = column[attribute_][inside]
            assert np.array_equal(first[column[name][inside]], column[attribute_][inside])
    assert np.array_equal(column["club"] >= 0, column["worker"] == 1)


def test_sizes_within_an_attribute_may_hang_on_it_and_only_the_last_place_of_a_group_is_smaller():
    """Homes: Poisson without its zeros, of mean m / (1 − exp(−m)); blocks and clubs: all but one of each group full."""
    world = build_world(model(DISTRICTS, [BY_DISTRICT]), {}, 5)
    district = world.attributes["Person", "district"]
    for label, mean in enumerate(BY_DISTRICT.values):
        homes, blocks = (world.attributes["Person", name][district == label] for name in ("home", "block"))
        sizes = np.bincount(homes - homes.min())
        expected = mean / (1 - math.exp(-mean))
        sd = math.sqrt(expected * (1 + mean) - expected**2)
        assert abs(sizes.mean() - expected) < 4 * sd / math.sqrt(sizes.size) + 1 / sizes.size
        assert np.all(np.bincount(blocks - blocks.min())[:-1] == mean)
        assert np.all(np.diff(homes) >= 0), "neighbours in number live together, within their district"
    club = world.attributes["Person", "club"]
    assert (np.bincount(club[club >= 0]) < 10).sum() <= 3


def test_sizes_of_two_groups_are_drawn_apart():
    """The same law in both districts, and yet not the same list of sizes."""
    homes = place("home", dist("poisson", mean=4.0), within=(own("district", DISTRICT),))
    person = agent(DISTRICTS.members[0], homes, count=4_000)
    world = build_world(model(person), {}, 5)
    district, home = world.attributes["Person", "district"], world.attributes["Person", "home"]
    north, south = (np.bincount(home[district == k] - home[district == k].min())[:300] for k in (0, 1))
    assert abs(np.corrcoef(north, south)[0, 1]) < 4 / math.sqrt(300)


def test_sizes_that_are_all_nothing_are_an_error():
    with pytest.raises(Unbuildable):
        allocate(5, None, constant(0.2), None)
    person = agent(place("home", dist("poisson", mean=1e-9)))
    assert code(lambda: build_world(model(person), {}, 1)) == "E0650"


# ------------------------------------------------------------------ ties


def test_generators_get_their_arguments_drawn_degrees_and_groups():
    degrees = table("degrees", ("",), (("0", "2", "6"),), (0.5, 0.25, 0.25))
    blocks = table(
        "blocks",
        ("age_group", "age_group"),
        (AGES.labels, AGES.labels),
        (4.0, 0, 0, 0, 3.0, 0, 0, 0, 2.0),
        Type(Kind.NUMBER, CONTACT_RATE),
    )
    whole_table = [TableRef(name, (), NUMBER, NOWHERE) for name in ("degrees", "blocks")]
    networks = [
        network("friends", "small_world", degree=ParameterRef("k", NUMBER, NOWHERE), rewiring=0.1),
        network("partners", "configuration", degrees=whole_table[0]),
        network("clubs", "configuration", degrees=dist("poisson", mean=3.0)),
        network("peers", "stochastic_block", ties=whole_table[1]),
    ]
    world = build_world(model(TOWN, [SIZES, degrees, blocks], networks), {"k": 6.0}, 3, {"Person": 4000})
    sizes = {name: np.diff(ties.offsets) for name, ties in world.ties.items()}
    assert sizes["friends"].mean() == 6
    assert abs((sizes["partners"] == 0).mean() - 0.5) < 4 * math.sqrt(0.25 / 4000) + 0.005
    assert sizes["partners"].max() <= 6
    assert abs(sizes["clubs"].mean() - 3) < 4 * math.sqrt(3 / 4000) + 0.01
    groups = world.attributes["Person", "age_group"]
    ends = np.repeat(groups, sizes["peers"])
    assert np.array_equal(ends, groups[world.ties["peers"].targets])
    for group, mean in enumerate((4.0, 3.0, 2.0)):
        assert abs(sizes["peers"][groups == group].mean() - mean) < 4 * math.sqrt(2 * mean / (groups == group).sum())


def test_a_network_that_cannot_be_made_is_an_error():
    assert code(lambda: build_world(model(agent(), (), [network("f", "ring", degree=3.0)]), {}, 1)) == "E0649"


# ------------------------------------------------------------------ files

PEOPLE = """id,age [years],group,vaccinated,home,weight,keen [%]
p1,10,child,yes,h1,1.5,50
p2,40,adult,no,h1,2,100
p3,80, elder,No,,0.5,0
"""


def from_file(folder: Path, text: str = PEOPLE, name: str = "people.csv", count=None) -> Model:
    (folder / name).write_text(text, encoding="utf-8")
    members = (
        attribute("age", DURATION, column="age"),
        attribute("group", AGES, column="group"),
        attribute("vaccinated", BOOLEAN, column="vaccinated"),
        place("home", None),
        attribute("weight", column="weight"),
        attribute("keen", SHARE, column="keen"),
    )
    return model(agent(*members, count=count, file=name), directory=str(folder))


def test_people_from_a_file_in_base_units(tmp_path):
    world = build_world(from_file(tmp_path), {}, 1)
    column = {name: values.tolist() for (_, name), values in world.attributes.items()}
    assert world.counts == {"Person": 3} and world.place_counts == {("Person", "home"): 1}
    assert column == {
        "age": [10 * YEAR, 40 * YEAR, 80 * YEAR],
        "group": [0, 1, 2],
        "vaccinated": [1, 0, 0],
        "home": [0, 0, -1],
        "weight": [1.5, 2, 0.5],
        "keen": [0.5, 1, 0],
    }


def test_people_from_parquet_and_ties_by_their_ids(tmp_path):
    made = from_file(tmp_path, "")
    columns = {
        "id": [7, 8, 9],
        "age [years]": [1.0, 2, 3],
        "group": ["child"] * 3,
        "vaccinated": [True, False, True],
        "home": [4, 4, 6],
        "weight": [1, 2, 3],
        "keen": [0.1, 0.2, 0.3],
    }
    pd.DataFrame(columns).to_parquet(tmp_path / "p.parquet")
    (tmp_path / "ties.csv").write_text("a,b\n9,7\n")
    person = agent(*made.agents[0].members, count=None, file="p.parquet")
    world = build_world(model(person, (), [network("kin", file="ties.csv")], directory=str(tmp_path)), {}, 1)
    assert world.attributes["Person", "vaccinated"].tolist() == [1, 0, 1]
    assert world.attributes["Person", "home"].tolist() == [0, 0, 1]
    assert world.ties["kin"].targets.tolist() == [2, 0] and world.ties["kin"].offsets.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("p2,40", "p2,forty", "E0643"),
        ("p2,40", "p2,", "E0415"),
        ("elder", "elderly", "E0643"),
        (",No,", ",maybe,", "E0643"),
        ("age [years]", "age", "E0644"),
        ("age [years]", "age [km]", "E0644"),
        ("age [years]", "age [yeers]", "E0645"),
        ("weight", "wait", "E0642"),
        ("keen [%]", "keen", "E0414"),
        ("p2,40", "p1,40", "E0648"),
        ("p2,", "p2,9,9,", "E0641"),
    ],
)
def test_what_is_wrong_with_a_file_of_people(tmp_path, old, new, expected):
    assert code(lambda: build_world(from_file(tmp_path, PEOPLE.replace(old, new)), {}, 1)) == expected


def test_a_file_with_another_number_of_people_is_an_error(tmp_path):
    assert code(lambda: build_world(from_file(tmp_path, count=5), {}, 1)) == "E0812"


def test_a_wrong_cell_is_named_with_its_line(tmp_path):
    with pytest.raises(LpmError, match=r"Row 4 of `people\.csv`, column `group`, is `elderly`, which is none of child"):
        build_world(from_file(tmp_path, PEOPLE.replace("elder", "elderly")), {}, 1)


# ------------------------------------------------------------------ start states


def start(*exceptions, n: int = 1000, seed: int = 1, replicate: int = 0) -> np.ndarray:
    made = model(
        agent(attribute("old", BOOLEAN, drawn=dist("bernoulli", BOOLEAN, p=0.2)), count=n),
        (),
        (),
        [condition(*exceptions)],
    )
    return start_states(made, build_world(made, {}, seed), {}, seed, replicate)["Flu"]


def test_a_number_starts_with_exactly_that_many_by_smallest_priority():
    states = start(exception(1, number=lit(20.0)))
    priority = words(1, 1000, site("Flu.start.except0"), 0, 0)[:, 0]
    assert set(np.flatnonzero(states == 1)) == set(np.argsort(priority, kind="stable")[:20])
    assert states.dtype == np.uint8 and (states == 0).sum() == 980


def test_replicates_differ_and_repeat():
    first, again, other = (start(exception(1, number=lit(20.0)), replicate=r) for r in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert WORLD_REPLICATE == 2**32 - 1


def test_exceptions_in_written_order():
    """A share, then a number among those left: nobody is taken twice."""
    states = start(exception(3, 0, share=lit(0.2505)), exception(1, 1, number=lit(700.0)))
    assert np.bincount(states, minlength=4).tolist() == [49, 700, 0, 251]


def test_where_takes_all_who_satisfy_it_also_by_state():
    old = own("old", BOOLEAN)
    flu_r = InState("Flu", (3,), BOOLEAN, NOWHERE)
    made = model(
        agent(attribute("old", BOOLEAN, drawn=dist("bernoulli", BOOLEAN, p=0.2))),
        (),
        (),
        [condition(exception(3, where=old)), condition(exception(2, where=flu_r), name="Cold")],
    )
    world = build_world(made, {}, 1)
    states = start_states(made, world, {}, 1, 0)
    is_old = world.attributes["Person", "old"] == 1
    assert np.array_equal(states["Flu"], np.where(is_old, 3, 0))
    assert np.array_equal(states["Cold"], np.where(is_old, 2, 0))
    assert 140 < is_old.sum() < 260


def test_more_than_there_are_is_an_error():
    assert code(lambda: start(exception(1, number=lit(1001.0)))) == "E0810"
    assert code(lambda: start(exception(1, 0, share=lit(0.7)), exception(2, 1, number=lit(301.0)))) == "E0810"
    assert code(lambda: start(exception(1, number=lit(-1.0)))) == "E0810"
    assert (start(exception(1, number=lit(1000.0))) == 1).all()


# ------------------------------------------------------------------ memory


def test_a_population_too_large_for_the_computer_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(memory, "physical_bytes", lambda: 2**30)
    made = model(TOWN, [SIZES], [network("friends", "erdos_renyi", degree=10.0)])
    assert code(lambda: build_world(made, {}, 1, {"Person": 100_000_000})) == "E0801"
    assert code(lambda: build_world(made, {}, 1, {"Person": 10**12})) == "E0823"
    assert code(lambda: build_world(made, {}, 1, {"Person": 0})) == "E0823"


@pytest.mark.parametrize("generator", [("complete", {}), ("erdos_renyi", {"degree": 10.0})])
def test_the_count_that_is_proposed_fits_and_uses_the_room(monkeypatch, generator):
    there = 2**30
    monkeypatch.setattr(memory, "physical_bytes", lambda: there)
    name, arguments = generator
    made = model(TOWN, [SIZES], [network("friends", name, **arguments)])
    with pytest.raises(LpmError) as caught:
        memory.require_memory(made, {"Person": 100_000_000}, {})
    [told] = caught.value.report.diagnostics
    count = int(told.help.rsplit("=", 1)[1].rstrip("."))
    memory.require_memory(made, {"Person": count}, {})
    assert 0.75 * there < estimate_bytes(made, {"Person": count}) <= 0.8 * there


def test_the_estimate_grows_with_people_and_ties():
    plain, tied = model(TOWN, [SIZES]), model(TOWN, [SIZES], [network("friends", "complete")])
    assert estimate_bytes(plain, {"Person": 2000}) == 2 * estimate_bytes(plain, {"Person": 1000})
    assert estimate_bytes(tied, {"Person": 1000}) - estimate_bytes(plain, {"Person": 1000}) > 4 * 1000 * 999
    there = physical_bytes()
    assert there is None or there > 2**26
