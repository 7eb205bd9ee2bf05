"""Three models that hold together what no single epidemic would: built by hand, for two back ends to agree on.

``tangle``: exits that compete and conditions that read one another. ``meetings``: every kind of contact, with people
who come and go. ``reports``: every kind of observation and function, with many moves within one step of a week.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler_tests.support import builders as b
from lpmdsl.backends.request import RunRequest
from lpmdsl.networks.world import Ties
from lpmdsl.quantities import BOOLEAN, NUMBER, Kind
from lpmdsl.semantics.model import (
    ByContagion,
    CheckAlways,
    Expr,
    Literal_,
    Model,
    OnDate,
    Time,
    When,
)
from lpmdsl.source import NOWHERE

LABELS = ("a", "b", "c")
GROUP = b.category(*LABELS)
ATTRIBUTES = {"group": GROUP, "known": BOOLEAN, "x": NUMBER}
KNOWN, X = b.own("known", BOOLEAN), b.own("x")
GROUPED = {"by": (b.own("group", GROUP),), "groups": LABELS}
TIME = Time(NUMBER, NOWHERE)


def in_group(label: str) -> Expr:
    return b.apply("eq", b.own("group", GROUP), Literal_(float(LABELS.index(label)), GROUP, NOWHERE))


def truth(value: bool) -> Expr:
    return Literal_(float(value), BOOLEAN, NOWHERE)


def by_group(name: str, *values: float):
    return b.table(name, (LABELS,), values, ("group",)), b.look_up(name, b.own("group", GROUP))


# ------------------------------------------------------------------ exits that compete


def tangle() -> Model:
    """Daily step. A cyclic illness whose exits tie, a job that reads it and is read by it, and forced moves."""
    days, days_here = by_group("days", 1.0, 2.0, 4.5)
    ill, jobless = b.is_in("Flu", 1), b.is_in("Job", 1)
    flu = b.condition(
        "Flu",
        "S I H R",
        b.leave(0, ByContagion(), 1, index=0),
        b.leave(0, b.chance(b.apply("mul", 0.03, X), every=2.0), 3, index=1),
        b.leave(0, b.at_rate(b.apply("mul", 0.02, b.apply("add", 1, jobless))), (1, 0.25), (2, X), 3, index=2),
        b.leave(1, When(b.apply("and", in_group("c"), b.apply("gt", TIME, 10))), 0, index=0),
        b.leave(1, b.after("fixed", value=2), 2, index=1),
        b.leave(1, b.chance(0.25, every=2.0), 3, index=2),
        b.leave(1, b.after("gamma", mean=3, sd=2), (3, b.apply("mul", 0.5, X)), (0, 0.2), 2, index=3),
        b.leave(1, b.at_rate(b.apply("mul", 0.1, X)), (2, b.apply("mul", 0.3, X)), 3, index=4),
        b.leave(2, b.after("weibull", k=2, scale=days_here), 3),
        b.leave(3, b.after("exponential", mean=4), (0, 0.7), 1, index=0),
        b.leave(3, b.chance(1.0, every=5.0), (0, 0.5), 1, index=1),
        is_cyclic=True,
        whiles=(b.while_in(2, "x", b.apply("add", 0.5, b.apply("mul", 0.5, X))), b.while_in(3, "known", truth(True))),
        entering=(
            replace(b.on_entering("Flu", 1, "I", b.setting("known", truth(True), 0.5)), states=(1, 2)),
            b.on_entering("Flu", 3, "R", b.setting("x", b.apply("sub", 1, X)), b.setting("group", relabel(), X)),
        ),
    )
    job = b.condition(
        "Job",
        "E U",
        b.leave(0, b.at_rate(b.apply("add", 0.01, b.apply("mul", 0.3, b.is_in("Flu", 2)))), 1),
        b.leave(1, When(b.apply("and", b.is_in("Flu", 3), b.apply("lt", X, 0.5))), 0, index=0),
        b.leave(1, b.chance(b.apply("mul", 0.2, X)), 0, index=1),
        is_cyclic=True,
    )
    alarm = b.intervention(
        "alarm",
        replace(
            b.block("alarm", b.setting("known", truth(True), 0.8), b.forcing("Flu", 3, X), every=2.0, at_most=30.4),
            where=b.apply("and", ill, b.apply("not", in_group("c"))),
        ),
        starts=b.crossing(b.last("cases"), True, 60, 2.0),
        stops=b.crossing(b.last("cases"), False, 40, 1.0),
        costs=10.1,
        costs_per="day",
    )
    sweep = b.intervention(
        "sweep",
        b.block("sweep", b.setting("known", truth(False)), b.forcing("Job", 0, 0.5), every=3.0, where=KNOWN),
        costs=2.3,
        costs_per="person",
    )
    wave = b.intervention(
        "wave",
        b.block("wave", b.setting("x", 0.25, 0.05), b.forcing("Flu", 3, 0.1), b.setting("known", truth(False), 0.5)),
        starts=OnDate(5.0, "2024-10-09", NOWHERE),
        stops=OnDate(9.0, "2024-10-13", NOWHERE),
        costs=500.5,
        costs_per="start",
    )
    observations = (
        b.observe("cases", ("Flu", (1, 2)), **GROUPED),
        b.observe("known_cases", ("Flu", (1,)), every=3.0, where=KNOWN),
        b.observe("by_job", ("Flu", (1,)), by=(b.state_of("Job", "E", "U"), KNOWN), groups=tuple("abcd")),
        b.observe("hired", ("Job", (0,)), every=2.0, by=(b.state_of("Flu", *"SIHR"),), groups=tuple("SIHR")),
        b.observe("known_now", b.total("count", where=KNOWN)),
        b.observe("mean_x", b.total("mean", X), **GROUPED),
    )
    return b.model(
        25,
        tables=(days,),
        attributes=ATTRIBUTES,
        conditions=(flu, job),
        networks=(b.network("town", "random", contacts=3),),
        contagions=(b.contagion("Flu", (1, "town", 0.2), (2, "town", 0.05)),),
        interventions=(alarm, sweep, wave),
        observations=observations,
        checks=(CheckAlways(b.apply("le", b.total("count", where=jobless), 10_000), None, None, NOWHERE),),
    )


def relabel() -> Expr:
    return Literal_(2.0, GROUP, NOWHERE)


# ------------------------------------------------------------------ every kind of contact


def meetings() -> Model:
    """A step of a quarter day from a Friday: all networks, two contagions, and people who come, go and die."""
    mixing = b.table("mixing", (LABELS, LABELS), (3.0, 1.0, 0.5, 2.0, 0.0, 1.5, 0.25, 1.0, 4.0), ("group", "group"))
    networks = (
        b.network("homes", "place", contacts=4, place="home"),
        b.network("clubs", "place", contacts=0.5, place="club", per_tie=True, days="weekends"),
        b.network("friends", "ties", contacts=2.5),
        b.network("pals", "ties", contacts=0.7, per_tie=True, days="weekdays"),
        b.network("town", "random", contacts=1.5),
        b.network("mixed", "random", mixing="mixing"),
    )
    names = tuple(n.name for n in networks)
    flu = b.condition(
        "Flu",
        "S L I D",
        b.leave(0, ByContagion(), 1),
        b.leave(1, ByContagion(), (2, 0.6), 0, index=0),
        b.leave(1, b.at_rate(0.2), 2, index=1),
        b.leave(2, b.after("gamma", mean=1, sd=0.6), (3, 0.1), 0),
        is_cyclic=True,
        removed=(3,),
        whiles=(b.while_in(2, networks=("friends", "mixed", "clubs")),),
        entering=(b.on_entering("Flu", 2, "I", b.setting("group", relabel(), 0.5), b.setting("known", truth(True))),),
    )
    cold = b.condition(
        "Cold",
        "S I",
        b.leave(0, ByContagion(), 1),
        b.leave(1, b.after("exponential", mean=2), 0),
        is_cyclic=True,
        whiles=(b.while_in(1, networks=("homes",)),),
    )
    scalings = (
        b.scaling("source", 0.5, where=KNOWN, networks=("homes", "town")),
        b.scaling("source", b.apply("add", 0.5, X), networks=("mixed", "pals")),
        b.scaling("target", 0.7, where=in_group("b")),
        b.scaling("target", b.apply("sub", 1.2, X), networks=("clubs", "friends")),
        b.scaling("source", 0.9),
    )
    light = tuple((1, name, 0.01) for name in ("homes", "pals", "town", "mixed"))
    heavy = tuple((2, name, b.apply("mul", 0.04, b.apply("add", 1, X))) for name in names)
    closed = b.intervention(
        "closed",
        starts=b.crossing(b.last("ill"), True, 6),
        stops=b.crossing(b.last("ill"), False, 4),
        while_active=(b.away("town", "pals", where=KNOWN), b.away("clubs")),
        costs=1.0,
        costs_per="day",
    )
    observations = (
        b.observe("ill", b.total("count", where=b.is_in("Flu", 2)), every=0.25),
        b.observe("cases", ("Flu", (1,)), every=0.5, **GROUPED),
        b.observe("severe", ("Flu", (2,)), every=1.0),
        b.observe("deaths", ("Flu", (3,)), every=2.0),
        b.observe("colds", ("Cold", (1,)), every=1.0),
    )
    return b.model(
        40,
        step=0.25,
        start="2024-10-04",
        tables=(mixing,),
        attributes=ATTRIBUTES,
        networks=networks,
        conditions=(flu, cold),
        contagions=(
            b.contagion("Flu", *light, *heavy, scalings=scalings),
            b.contagion("Cold", (1, "homes", 0.05), (1, "town", X)),
        ),
        interventions=(closed,),
        observations=observations,
    )


# ------------------------------------------------------------------ every kind of report


def reports() -> Model:
    """A step of a week with dwell times of days: many moves a step, seen through every kind of observation."""
    days, days_here = by_group("days", 0.6, 3.0, 11.0)
    p = b.apply("inverse_logit", b.apply("add", b.apply("logit", b.apply("add", 0.1, b.apply("mul", 0.8, X))), -1))
    season = b.apply("add", 1.1, b.apply("sin", b.apply("add", b.apply("mul", 0.3, TIME), X)))
    wavering = b.apply("abs", b.apply("cos", b.apply("mul", 20, b.apply("pow", X, 3))))
    course = b.condition(
        "Course",
        "A B C D",
        b.leave(0, b.after("lognormal", mean=days_here, sd=2), (1, p), 2, index=0),
        b.leave(0, b.at_rate(b.apply("mul", 0.05, season)), 2, index=1),
        b.leave(1, b.at_rate(b.apply("min", 2, b.apply("exp", b.apply("neg", X)), wavering)), 2, index=0),
        b.leave(1, b.chance(b.apply("mul", 0.2, X), every=1.0), 3, index=1),
        b.leave(2, b.after("uniform", min=0.1, max=0.9), 0, index=0),
        b.leave(2, b.chance(b.apply("pow", X, 1.5), every=3.0), 3, index=1),
        b.leave(3, b.at_rate(b.apply("max", 0.01, b.apply("neg", b.apply("log", X)))), 0, index=0),
        b.leave(3, b.chance(b.apply("sqrt", X), every=14.0), 1, index=1),
        is_cyclic=True,
        whiles=(b.while_in(1, "x", b.apply("div", X, 2)),),
    )
    delay = b.law("gamma", mean=9, sd=5)
    own_rate = b.apply("div", b.apply("add", X, b.look_up("share", b.own("group", GROUP))), 2)
    in_b = b.is_in("Course", 1)
    observations = (
        b.observe("entries", ("Course", (1, 3)), every=7.0, **GROUPED),
        b.observe("late", ("Course", (1,)), every=14.0, thinned=own_rate, delayed=delay, **GROUPED),
        b.observe("very_late", ("Course", (2,)), every=7.0, delayed=b.law("weibull", k=1.5, mean=days_here)),
        b.observe("share", b.total("share", where=in_b), every=7.0, **GROUPED),
        b.observe("tested", b.total("count", where=in_b), every=14.0, thinned=own_rate),
        b.observe("sum", b.total("sum", X, in_b), every=7.0, **GROUPED),
        b.observe("mean", b.total("mean", X, in_b, 0.5), every=7.0, where=KNOWN, **GROUPED),
        b.observe("sd", b.total("sd", X), every=21.0, **GROUPED),
        b.observe("least", b.total("min", X, in_b, 2.0), every=7.0, **GROUPED),
        b.observe("most", b.total("max", b.apply("mul", X, X)), every=7.0, **GROUPED),
        b.observe("ratio", trend(), every=7.0, groups=LABELS),
        b.observe("twice", b.apply("mul", b.last("ratio", 1), b.apply("add", 2, b.last("share", 0))), every=7.0),
        b.observe("slow", b.apply("add", b.rolling("late", 28.0), b.last("share", 2)), every=14.0),
    )
    late = b.intervention(
        "late_start",
        b.block(
            "late_start", b.setting("known", truth(True)), every=14.0, at_most=b.apply("mul", 20, b.last("mean", 0))
        ),
        starts=b.crossing(b.apply("sub", b.last("late"), b.rolling("entries", 21.0)), False, 0.0, 8.0),
        costs=3.0,
        costs_per="person",
    )
    share = b.table("share", (LABELS,), (0.1, 0.5, 0.9), ("group",))
    level = b.apply("lt", b.total("mean", X), b.apply("add", b.last("share", 0), 0.9))
    return b.model(
        10,
        step=7.0,
        tables=(days, share),
        attributes=ATTRIBUTES,
        conditions=(course,),
        interventions=(late,),
        observations=observations,
        checks=(CheckAlways(level, None, None, NOWHERE), CheckAlways(b.total("sd", X, in_b, 0.0), None, None, NOWHERE)),
    )


def trend() -> Expr:
    """Entries over their mean of three weeks, group by group."""
    return b.apply("div", b.last("entries"), b.apply("add", b.rolling("entries", 21.0), 0.001))


SINKS = {"tangle": tangle, "meetings": meetings, "reports": reports}


# ------------------------------------------------------------------ their people


def sink_request(m: Model, count: int, seed: int) -> RunRequest:
    """A run with made-up people, from one fixed seed: homes of four, clubs for some, ties, one in ten in state 1."""
    rng = np.random.default_rng(99)
    attributes = {"group": rng.integers(0, 3, count), "known": rng.integers(0, 2, count), "x": rng.uniform(0, 1, count)}
    clubs = np.where(rng.uniform(size=count) < 0.6, rng.integers(0, count // 9, count), -1)
    pairs = {n: random_ties(rng, count) for n in (w.name for w in m.networks if w.layout == "ties")}
    start = {c.name: np.where(rng.uniform(size=count) < 0.1, 1, 0) for c in m.conditions}
    places = {"home": rng.permutation(count) // 4, "club": clubs}
    made = b.request(m, count, seed, attributes=attributes, places=places, ties=pairs, start=start)
    kinds = {(b.KIND, a.name): a.type.kind for a in m.agents[0].attributes}
    columns = {
        key: column.astype(np.uint8) if kinds.get(key) in (Kind.BOOLEAN, Kind.CATEGORY) else column
        for key, column in made.world.attributes.items()
    }
    return replace(made, world=replace(made.world, attributes=columns))


def random_ties(rng: np.random.Generator, count: int) -> Ties:
    """Twice as many ties as people, so four each on average and none for some."""
    ends = rng.integers(0, count, (2 * count, 2))
    return b.ties(count, [(int(i), int(j)) for i, j in ends if i != j])
