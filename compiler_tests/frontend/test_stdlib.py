"""Every bundled library is used by a small model that checks clean; every bundled model checks clean and runs."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.documents import ROOT, problems
from lpmdsl.population.people import build_world
from lpmdsl.semantics.host.evaluate import parameter_values

MODELS = sorted((ROOT / "models").glob("*.lpm"))
LIBRARIES = sorted((ROOT / "stdlib").rglob("*.lpm"))

_CLOCK = "clock\n  step 1 day\n  from 2024-10-01 for 20 days\n"
_WITH_CONDITION = (
    _CLOCK
    + """
agent Person count 500
network town joins Person at random with 10 contacts per day
contagion of {name}
  from I on town at 0.05 per contact
observe cases = number entering I per day
"""
)
_WITH_HOUSEHOLDS = (
    _CLOCK
    + """
agent Person count 500
  household place of size ~ household_sizes
network homes joins Person sharing household with 5 contacts per day
condition Flu of Person
  states S, I, R
  start S except 5 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
contagion of Flu
  from I on homes at 0.05 per contact
observe cases = number entering I per day
"""
)
_WITH_CONTACTS = (
    _CLOCK
    + """
agent Person count 500
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 5 years, 18 years, 65 years named "0-4", "5-17", "18-64", "65+"
network home joins Person at random mixing by contacts_home
network school joins Person at random mixing by contacts_school on weekdays
network work joins Person at random mixing by contacts_work on weekdays
network anywhere joins Person at random mixing by contacts_all
condition Flu of Person
  states S, I, R
  start S except 5 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
contagion of Flu
  from I on home, school, work, anywhere at 0.01 per contact
observe cases = number entering I per day by age_group
"""
)
_IN_A_CITY = (
    _CLOCK
    + """
condition Flu of Person
  states S, I, R
  start S except share 1 % in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
contagion of Flu
  from I on homes, offices, streets at 0.02 per contact
observe cases = number entering I per day by borough
"""
)


def small_model(library: Path) -> str:
    """A model that uses the whole of one library."""
    use = library.relative_to(ROOT / "stdlib").with_suffix("").as_posix()
    header = f'model small version 1.0\nuse "{use}" version 1.0\n'
    condition = re.search(r"^condition (\w+)", library.read_text(encoding="utf-8"), re.MULTILINE)
    match library.parent.name:
        case "households":
            return header + _WITH_HOUSEHOLDS
        case "cities":
            return header + _IN_A_CITY
        case "contacts":
            return header + _WITH_CONTACTS
        case _:
            assert condition, f"{use} declares no condition"
            return header + _WITH_CONDITION.format(name=condition[1])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What ``lpmc check`` says of each small model and each bundled model, by file name."""
    folder = tmp_path_factory.mktemp("small")
    files = list(MODELS)
    for library in LIBRARIES:
        files.append(folder / f"uses_{library.parent.name}_{library.name}")
        files[-1].write_text(small_model(library), encoding="utf-8")
    return problems(files)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_library_can_be_used(library: Path, found: dict[str, list[str]]) -> None:
    assert found[f"uses_{library.parent.name}_{library.name}"] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_model_checks_clean(model: Path, found: dict[str, list[str]]) -> None:
    assert found[model.name] == []


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_library_says_where_its_numbers_are_from(library: Path) -> None:
    text = library.read_text(encoding="utf-8")
    assert text.startswith("## ")
    assert re.search(r"(18|19|20)\d\d", text), "no source with a year"
    assert text.count("table ") == 0 or 'source "' in text


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_model_runs(model: Path) -> None:
    loaded = lpmdsl.load(model)
    kind = loaded.model.agents[0].name
    run = loaded.run(seed=3, agents={kind: 500}, steps=10, backend="cpu")
    assert run.manifest.complete
    assert run.manifest.agents == {kind: 500}
    declared = set(re.findall(r"^observe (\w+)", model.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(run.observations["observation"]) <= declared
    assert run.observations["value"].notna().any()


def test_the_boarding_school_counts_are_the_published_ones() -> None:
    with (ROOT / "models" / "boarding_school.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["in_bed"]) for row in rows] == [3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4]
    assert (rows[0]["date"], rows[-1]["date"]) == ("1978-01-22", "1978-02-04")


def test_the_contact_library_is_the_model_s_file() -> None:
    text = (ROOT / "stdlib" / "lpm" / "contacts" / "polymod_uk.lpm").read_text(encoding="utf-8")
    with (ROOT / "models" / "polymod_uk_contacts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for column in ("all", "home", "school", "work"):
        table = text.split(f"table contacts_{column} ")[1].split("source")[0]
        for row in rows:
            assert f'  "{row["participant_age"]}" "{row["contact_age"]}" {row[column]}\n' in table


def test_contacts_by_age_carry_an_epidemic_on_half_day_steps() -> None:
    """R0 is about 1.75: the outbreak takes more than a quarter of the people, whatever the length of the step."""
    run = lpmdsl.load(ROOT / "models" / "seir_age.lpm").run(seed=3, agents={"Person": 6_000}, backend="cpu")
    cases = run.observations.query("observation == 'cases'")["value"].sum()
    assert 0.25 * 6_000 < cases < 0.75 * 6_000


BOROUGHS = {
    "Bronx": 1_472_654, "Brooklyn": 2_736_074, "Manhattan": 1_694_251, "Queens": 2_405_464, "Staten Island": 495_747,
}  # fmt: skip


def test_new_york_at_any_size_has_its_boroughs_ages_homes_and_work() -> None:
    """The census's shares, the average household of each borough, mutual contacts; within 4 standard errors."""
    model = lpmdsl.load(ROOT / "models" / "nyc_isolation.lpm").model
    person, n = model.agents[0], 60_000
    assert person.count == sum(BOROUGHS.values()) == 8_804_190
    world = build_world(model, parameter_values(model), 7, {"Person": n})
    column = {name: values.astype(int) for (_, name), values in world.attributes.items()}
    borough, home = column["borough"], column["household"]
    lies_in = borough[np.unique(home, return_index=True)[1]]
    homes_in = np.bincount(lies_in)
    for k, (name, people) in enumerate(BOROUGHS.items()):
        assert person.attributes[0].type.labels[k] == name
        share = people / person.count
        assert abs((borough == k).mean() - share) < 1e-4 + 4 * math.sqrt(share * (1 - share) / n)
        average = (2.7, 2.6, 2.0, 2.8, 2.8)[k]
        assert abs((borough == k).sum() / homes_in[k] - average) < 0.01 + 4 * 1.9 / math.sqrt(homes_in[k])
    assert np.array_equal(lies_in[home], borough)
    workers = column["office"] >= 0
    for group, share in enumerate(model.table("employment").values):
        of_age = column["age_group"] == group
        assert abs(workers[of_age].mean() - share) < 4 * math.sqrt(share * (1 - share) / of_age.sum())
    contacts = np.reshape(model.table("street_contacts").values, (5, 5))
    meetings = contacts * np.array(list(BOROUGHS.values()))[:, None]
    assert np.allclose(meetings, meetings.T, rtol=0.05), "as many meetings of a with b as of b with a"
    assert np.allclose(contacts.sum(axis=1), 10, atol=0.02)
