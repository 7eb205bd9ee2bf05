"""Presence, contacts, hazards and expressions in the torch reference, on worlds small enough to know the answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from compiler_tests.support import builders as b
from lpmdsl.reference.contagion.exposure import exposure, nothing_owed
from lpmdsl.reference.expressions import Moment, attribute, evaluate, ordered_sum
from lpmdsl.semantics.model import ByContagion, Model

ONE = 1 << 32
GROUP = b.category("a", "b")


def moment(m: Model, count: int, time: float = 0.0, **world) -> tuple[Moment, object]:
    """What expressions see at the start of a run, and its world."""
    made = b.request(m, count, **world)
    attributes = {k: torch.from_numpy(v.astype(np.float64)) for k, v in made.world.attributes.items()}
    states = {k: torch.from_numpy(v.astype(np.int64)) for k, v in made.start.items()}
    active = {i.name: i.name in world.get("active", ()) for i in m.interventions}
    history = {o.name: [] for o in m.observations}
    return Moment(m, made.world.counts, made.parameters, attributes, states, history, active, time), made.world


def flu(*exits, **others):
    return b.condition("Flu", "S I D", b.leave(0, ByContagion(), 1), *exits, **others)


def met(network, state, spreads=((1, "n", 0.5),), scalings=(), time=0.0, condition=None, **world) -> list[float]:
    """The exposure of each person in one step, for one network."""
    parts = {key: world.pop(key) for key in ("tables", "interventions", "kinds") if key in world}
    m = b.model(
        1,
        start="2024-10-04",  # a Friday
        conditions=(condition or flu(),),
        networks=(network,),
        contagions=(b.contagion("Flu", *spreads, scalings=scalings),),
        attributes=parts.pop("kinds", {}),
        **parts,
    )
    now, made = moment(m, len(state), time, start={"Flu": state}, **world)
    owed = nothing_owed(m, now.counts)
    return [h / ONE for h in exposure(m.contagions[0], now, made, owed, True).total.tolist()]  # type: ignore[arg-type]


# ------------------------------------------------------------------ contacts


HOME = {"places": {"home": [0, 0, 0, 1, -1]}}
INFECTIOUS = [1, 1, 0, 0, 0]


def test_contacts_in_a_place() -> None:
    """Spread evenly: two contacts a day over two others; per tie: two with each; alone or without a place: none."""
    even = b.network("n", "place", contacts=2, place="home")
    assert met(even, INFECTIOUS, **HOME) == [0.5, 0.5, 1.0, 0.0, 0.0]
    per_tie = b.network("n", "place", contacts=2, place="home", per_tie=True)
    assert met(per_tie, INFECTIOUS, **HOME) == [1.0, 1.0, 2.0, 0.0, 0.0]
    bare = b.network("n", "place", place="home")
    assert met(bare, INFECTIOUS, **HOME) == [0.5, 0.5, 1.0, 0.0, 0.0]


def test_contacts_on_ties() -> None:
    ties = {"ties": {"n": b.ties(4, [(0, 1), (0, 2), (1, 2)])}}
    assert met(b.network("n", "ties", contacts=2), [1, 1, 0, 0], **ties) == [0.5, 0.5, 1.0, 0.0]
    assert met(b.network("n", "ties", contacts=2, per_tie=True), [1, 1, 0, 0], **ties) == [1.0, 1.0, 2.0, 0.0]


def test_contacts_at_random() -> None:
    """With everyone: β·I/N, one's own weight left out."""
    assert met(b.network("n", "random", contacts=2), [1, 1, 0, 0]) == [0.25, 0.25, 0.5, 0.5]


def test_contacts_by_mixing() -> None:
    """Group a meets 3 of a and 1 of b a day, group b 2 of a and none of b."""
    table = b.table("mix", (("a", "b"), ("a", "b")), (3.0, 1.0, 2.0, 0.0), ("group", "group"))
    hazard = met(
        b.network("n", "random", mixing="mix"),
        [1, 0, 1, 0],
        kinds={"group": GROUP},
        attributes={"group": [0, 0, 1, 1]},
        tables=(table,),
    )
    assert hazard == [0.25, 1.0, 0.5, 0.5]


def test_the_absent_and_the_removed_have_no_contacts() -> None:
    even = b.network("n", "place", contacts=2, place="home")
    dead = flu(removed=(2,))
    assert met(even, [1, 2, 0, 0, 0], condition=dead, **HOME) == [0.0, 0.0, 1.0, 0.0, 0.0]
    at_home = flu(whiles=(b.while_in(1, networks=("n",)),))
    assert met(even, INFECTIOUS, condition=at_home, **HOME) == [0.0] * 5


def test_an_active_intervention_keeps_people_away() -> None:
    closed = (b.intervention("closed", while_active=(b.away("n", where=b.is_in("Flu", 1)),)),)
    random = b.network("n", "random", contacts=2)
    assert met(random, [1, 0, 0, 0], interventions=closed) == [0.0, 0.25, 0.25, 0.25]
    assert met(random, [1, 0, 0, 0], interventions=closed, active=("closed",)) == [0.0] * 4


@pytest.mark.parametrize(("days", "open_on"), [("weekdays", [0, 3, 4]), ("weekends", [1, 2]), ("", [0, 1, 2, 3, 4])])
def test_networks_run_on_their_days(days: str, open_on: list[int]) -> None:
    """Day 0 is a Friday."""
    random = b.network("n", "random", contacts=2, days=days)
    assert [day for day in range(5) if any(met(random, [1, 0], time=float(day) + 0.75))] == open_on


def test_scalings_of_either_end() -> None:
    """Sources of group b give a quarter, targets of group b take a half, on the named network only; never below 0."""
    world = {"kinds": {"group": GROUP}, "attributes": {"group": [0, 1, 0, 1]}}
    in_b = b.apply("eq", b.own("group", GROUP), 1.0)
    scalings = (b.scaling("source", 0.25, where=in_b), b.scaling("target", 0.5, where=in_b, networks=("n",)))
    random = b.network("n", "random")
    assert met(random, [1, 1, 0, 0], scalings=scalings, **world) == [0.03125, 0.0625, 0.15625, 0.078125]
    negative = (b.scaling("target", -1.0),)
    assert met(random, [1, 1, 0, 0], scalings=negative, **world) == [0.0] * 4
    elsewhere = (b.scaling("target", 0.0, networks=("other",)),)
    assert met(random, [1, 0], scalings=elsewhere) == [0.0, 0.25]


def test_weights_of_several_spreads_add_and_are_capped() -> None:
    random = b.network("n", "random")
    assert met(random, [1, 2, 0, 0], spreads=((1, "n", 0.5), (2, "n", 0.25))) == [0.0625, 0.125, 0.1875, 0.1875]
    assert met(random, [1, 0], spreads=((1, "n", 1e6),)) == [0.0, 512.0]  # 1 024 over the two present


# ------------------------------------------------------------------ expressions


def test_effects_are_read_and_the_last_clause_wins() -> None:
    """Stored income stays; two conditions set it while in a state, the one written later wins."""
    job = b.condition("Job", "Work None", whiles=(b.while_in(1, "income", b.apply("div", b.own("income"), 2)),))
    ill = b.condition("Ill", "No Yes", whiles=(b.while_in(1, "income", 1.0), b.while_in(1, "income", 5.0)))
    m = b.model(1, conditions=(job, ill))
    now, _ = moment(m, 4, start={"Job": [0, 1, 0, 1], "Ill": [0, 0, 1, 1]}, attributes={"income": [10, 20, 30, 40]})
    assert attribute("Person", "income", now).tolist() == [10, 10, 5, 5]
    assert now.attributes[("Person", "income")].tolist() == [10, 20, 30, 40]


def test_aggregates() -> None:
    now, _ = moment(b.model(1), 4, attributes={"x": [1.0, 2.0, 4.0, 5.0]})
    x, big, huge = b.own("x"), b.apply("gt", b.own("x"), 1.5), b.apply("gt", b.own("x"), 9)

    def value(*arguments, **others) -> float:
        return float(evaluate(b.total(*arguments, **others), now))

    assert value("count", where=big) == 3 and value("share", where=big) == 0.75
    assert value("sum", x) == 12 and value("mean", x) == 3 and value("sd", x) == math.sqrt(2.5)
    assert value("min", x, where=big) == 2 and value("max", x) == 5
    assert value("count", where=huge) == 0 and value("sum", x, where=huge) == 0
    assert math.isnan(value("mean", x, where=huge)) and value("mean", x, where=huge, otherwise=7) == 7


def test_sums_have_one_order() -> None:
    """2^53 absorbs the ones of its own lane and chunk only, and whole lanes are joined after the chunks."""
    terms = torch.ones(2 * 16_384, dtype=torch.float64)
    terms[0] = 2.0**53
    everyone = torch.ones(len(terms), dtype=torch.bool)
    assert ordered_sum(terms, everyone) == 2.0**53 + 2 * 16_384 - 16


@pytest.mark.parametrize(
    ("op", "arguments", "result"),
    [
        ("pow", (1.1, 3.0), 1.1 * 1.1 * 1.1),
        ("min", (3, 1, 2), 1),
        ("max", (3, 4, 2), 4),
        ("round", (2.5,), 3),
        ("round", (-2.5,), -2),
        ("floor", (-2.5,), -3),
        ("and", (1, 0), 0),
        ("or", (1, 0), 1),
        ("not", (0,), 1),
        ("neg", (2,), -2),
        ("abs", (-2,), 2),
        ("sqrt", (2,), math.sqrt(2)),
        ("div", (1, 0), math.inf),
    ],
)
def test_built_ins(op: str, arguments: tuple[float, ...], result: float) -> None:
    assert float(evaluate(b.apply(op, *arguments), moment(b.model(1), 1)[0])) == result


def test_built_ins_by_polynomials() -> None:
    now = moment(b.model(1), 1)[0]
    assert float(evaluate(b.apply("pow", 2.0, 0.5), now)) == pytest.approx(math.sqrt(2), rel=1e-14)
    assert float(evaluate(b.apply("logit", 0.2), now)) == pytest.approx(math.log(0.25), rel=1e-14)
    assert float(evaluate(b.apply("inverse_logit", -2), now)) == pytest.approx(1 / (1 + math.exp(2)), rel=1e-14)
