"""State of the check pass: the names, the types found so far, and where to report."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lpmdsl.diagnostics import Label, Report, did_you_mean, instead
from lpmdsl.quantities import ERROR, TIME, UNITS, Dimension, Kind, Type
from lpmdsl.reading.tabular import DataFile
from lpmdsl.semantics import model
from lpmdsl.semantics.resolve.names import Names
from lpmdsl.source import Span
from lpmdsl.syntax import tree

ARTICLES = {
    "parameter": "a parameter",
    "table": "a table",
    "agent": "an agent",
    "network": "a network",
    "condition": "a condition",
    "observe": "an observation",
    "intervention": "an intervention",
    "rule": "a rule",
    "behaviour": "a behaviour",
    "scenario": "a scenario",
}


MOST_STEPS = 100_000_000
"""Of a run, as in ``config.RunOptions``: beyond that it is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Member:
    """Signature of an attribute or place. ``span``: its name, where it is declared (first)."""

    type: Type
    span: Span
    is_place: bool = False
    is_computed: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """A family of parameters. ``ends``: days at which one piece of time gives way to the next, None without pieces;
    ``by`` and ``keys``: the attributes and their labels; ``parts``: names, a piece's labels one after the other."""

    written: tree.Parameter
    ends: tuple[float, ...] | None
    by: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the family."""
        return self.written.name.id

    @property
    def pieces(self) -> tuple[str, ...]:
        """Numbers of its pieces of time; () if it has none."""
        return () if self.ends is None else piece_numbers(self.ends)

    def before(self, part: str) -> str:
        """The same part one piece of time earlier; "" for one of the first."""
        at = self.parts.index(part) - len(self.parts) // max(len(self.pieces), 1)
        return self.parts[at] if at >= 0 else ""


def piece_numbers(ends: Sequence[float]) -> tuple[str, ...]:
    """Numbers of the pieces of time into which these days cut a run."""
    return tuple(str(k + 1) for k in range(len(ends) + 1))


def part_name(family: str, labels: Sequence[str]) -> str:
    """Name of a part of a family, ``beta[2]``, ``beta[2, Bronx]``; that of the family without labels."""
    return f"{family}[{', '.join(labels)}]" if labels else family


@dataclass(slots=True)
class Context:
    """Filled in the order in which ``check`` goes through the declarations; later ones read what earlier ones left."""

    names: Names
    report: Report
    step: float = 1.0
    start: str | None = None
    counts_months: bool = False
    """The step itself is written in months or years: then these have their mean length, with or without a date."""
    members: dict[str, dict[str, Member]] = field(default_factory=dict)
    states: dict[str, tuple[str, ...]] = field(default_factory=dict)
    kind_of: dict[str, str] = field(default_factory=dict)
    tables: dict[str, model.Table] = field(default_factory=dict)
    parameters: dict[str, model.Parameter] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    nets: dict[str, model.Net] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    agents: dict[str, model.Agent] = field(default_factory=dict)
    networks: dict[str, model.Network] = field(default_factory=dict)
    observations: dict[str, model.Observation] = field(default_factory=dict)
    behaviours: dict[str, model.Behaviour] = field(default_factory=dict)
    given: Mapping[str, float] = field(default_factory=dict)
    """Values of parameters, in base units, that stand in place of what is written."""
    files: dict[tuple[str, str], DataFile | None] = field(default_factory=dict)
    """Tables that have been read, by folder and name; None for one that could not be, which is reported."""
    shares: list[tuple[str, model.Attribute]] = field(default_factory=list)
    """Attributes, with their kinds, that say who is in the share of a block."""
    views: list[tuple[str, model.Attribute]] = field(default_factory=list)
    """Attributes, with their kinds, that are what an agent sees of its neighbours."""
    counts: list[model.Observation] = field(default_factory=list)
    """Counts of everybody that rates, chances and rules read: taken at the beginning of every step."""
    broken: set[str] = field(default_factory=set)
    """Names whose declaration is wrong and already reported: what uses them stays silent."""

    def observed(self) -> set[str]:
        """Names of all observations, of those that are for the model alone too."""
        return {*self.names.observations(), *(o.name for o in self.counts)}

    def unknown(self, name: tree.Name, wanted: str, known: object, help: str = "") -> None:
        """Report that ``name`` is not ``wanted`` (``a network``): another kind of thing, or nothing at all."""
        word = self.names.word_of(name.id)
        if word is not None and ARTICLES[word] != wanted:
            self.report.add(
                "E0206",
                f"`{name.id}` is {ARTICLES[word]}, and {wanted} belongs here.",
                name.span,
                help,
                labels=self.declared(name.id),
            )
            return
        hint = did_you_mean(name.id, known)  # type: ignore[arg-type]
        fixes = instead(name.span, name.id, known)  # type: ignore[arg-type]
        message = f"There is no {wanted.split(' ', 1)[1]} `{name.id}`.{hint}"
        self.report.add("E0201", message, name.span, help, fixes=fixes)

    def declared(self, name: str) -> tuple[Label, ...]:
        """Place where a name is declared, for a message about what it is; () of a name that no text declares."""
        word = self.names.word_of(name)
        if word is not None:
            return (Label(self.names.named[word][name].name.span, f"`{name}` is declared here"),)
        members = (kind[name] for kind in self.members.values() if name in kind)
        return tuple(Label(member.span, f"`{name}` is declared here") for member in list(members)[:1])

    def states_of(self, condition: str) -> tuple[Label, ...]:
        """Place where the states of a condition are listed."""
        states = self.names.conditions()[condition].states
        place = states[0].span.to(states[-1].span) if states else None
        return (Label(place, f"the states of {condition}"),) if place is not None else ()

    def clock_says(self) -> tuple[Label, ...]:
        """Place where the clock says how long a step is."""
        clock = self.names.clock
        step = clock.step if clock is not None else None
        return (Label(step.span, "a step is this long"),) if step is not None else ()

    def agent_kind(self, name: tree.Name) -> str | None:
        """The kind of agent called ``name``, or None after reporting that there is none."""
        if name.id in self.members:
            return name.id
        known = list(self.members)
        if name.span.source.name != self.names.module.source.name:
            message = f"The imported text is about agents of kind `{name.id}`, and this model declares none."
            self.report.add("E0212", message, name.span, f"Declare it in the model: `agent {name.id} count 10_000`.")
        elif self.names.word_of(name.id):
            self.unknown(name, "an agent", known)
        else:
            help = f"The agents are {', '.join(known)}." if known else f"Declare it: `agent {name.id} count 10_000`."
            message = f"There is no agent `{name.id}`.{did_you_mean(name.id, known)}"
            self.report.add("E0601", message, name.span, help, fixes=instead(name.span, name.id, known))
        return None

    def state(self, condition: str, name: tree.Name) -> int | None:
        """The index of a state of ``condition``, or None after reporting that there is no such state."""
        states = self.states[condition]
        if name.id in states:
            return states.index(name.id)
        self.report.add(
            "E0203",
            f"No state `{name.id}` in {condition}.{did_you_mean(name.id, states)}",
            name.span,
            f"{condition} has the states {', '.join(states)}.",
            labels=self.states_of(condition),
            fixes=instead(name.span, name.id, states),
        )
        return None

    def condition_with(self, name: tree.Name, kind: str | None = None) -> str | None:
        """The one condition that has a state of this name (of agents of ``kind``), or None after a report."""
        if any(
            name.id in {s.id for s in c.states} for c in self.names.conditions().values() if c.name.id in self.broken
        ):
            return None
        mine = [c for c in self.states if kind is None or self.kind_of[c] == kind]
        holders = [c for c in mine if name.id in self.states[c]]
        if len(holders) == 1:
            return holders[0]
        if holders:
            self.report.add(
                "E0203",
                f"State `{name.id}` is in several conditions: {', '.join(holders)}.",
                name.span,
                f"Say of which, as in `number entering {name.id} of {holders[0]} per week`.",
                [label for holder in holders for label in self.states_of(holder)],
            )
        else:
            known = [s for c in mine for s in self.states[c]]
            self.report.add(
                "E0203",
                f"No condition has a state `{name.id}`.{did_you_mean(name.id, known)}",
                name.span,
                f"The states are {', '.join(known)}." if known else "Declare a `condition` first.",
                fixes=instead(name.span, name.id, known),
            )
        return None


def text_of(span: Span) -> str:
    """The words of the text at ``span``, in backticks, shortened for a message."""
    words = " ".join(span.source.text[span.start : span.end].split())
    return f"`{words if len(words) <= 48 else words[:45] + '…'}`"


def literal(quantity: tree.Quantity) -> model.Literal_:
    """The value of a literal in base units, with its type; ``%`` alone is a share."""
    value, dimension = unit_of(quantity)
    return (
        model.Literal_(value_of(quantity), _literal_type(quantity, dimension), quantity.span)
        if value
        else _error(quantity.span)
    )


def value_of(quantity: tree.Quantity) -> float:
    """The number in base units; ``per 100_000`` divides it, ``%`` is a hundredth."""
    scale, _ = unit_of(quantity)
    return quantity.number * scale


def unit_of(quantity: tree.Quantity) -> tuple[float, Dimension]:
    """Size of the written unit in base units (with ``%`` and ``per 100_000``), and its dimension."""
    scale, dimension = unit(quantity.unit)
    return scale * (0.01 if quantity.percent else 1.0) / (quantity.per_number or 1.0), dimension


def unit(written: tree.Unit | None) -> tuple[float, Dimension]:
    """Scale and dimension of a written unit; (0, …) when a part of it is no unit (the parser says so)."""
    return _unit(written.parts) if written else (1.0, Dimension())


@lru_cache(maxsize=1_000)
def _unit(parts: tuple[tuple[str, int], ...]) -> tuple[float, Dimension]:
    """The same of its parts; a model writes the same few units over and over."""
    scale, dimension = 1.0, Dimension()
    for name, exponent in parts:
        if name not in UNITS:
            return 0.0, Dimension()
        scale *= UNITS[name].scale ** exponent
        dimension = dimension * UNITS[name].dimension ** exponent
    return scale, dimension


def unit_text(quantity: tree.Quantity) -> str:
    """The unit as a reader writes it after a number: ``%``, ``days``, ``per 100_000 per week``."""
    words = ["%"] if quantity.percent else []
    parts = quantity.unit.parts if quantity.unit else ()
    words += [name for name, exponent in parts for _ in range(exponent) if exponent > 0]
    if quantity.per_number:
        words.append(f"per {quantity.per_number:_.0f}")
    words += [f"per {name}" for name, exponent in parts for _ in range(-exponent)]
    return " ".join(words)


def _literal_type(quantity: tree.Quantity, dimension: Dimension) -> Type:
    is_share = quantity.percent and quantity.unit is None and quantity.per_number is None
    return Type(Kind.SHARE) if is_share else Type(Kind.NUMBER, dimension)


def _error(span: Span) -> model.Literal_:
    return model.Literal_(float("nan"), ERROR, span)


def fresh_name(stem: str, taken: Container[str], bare: bool = False) -> str:
    """A name that nothing has: the stem with a number, or itself first (``bare``)."""
    names = itertools.chain((stem,) if bare else (), (f"{stem}_{k}" for k in itertools.count(2 if bare else 1)))
    return next(name for name in names if name not in taken)


def nothing(span: Span) -> model.Literal_:
    """Placeholder for an expression that is already reported as wrong."""
    return _error(span)


def days(ctx: Context, quantity: tree.Expr | None) -> float | None:
    """A written duration in days, or None (after a report if it is there and is no duration)."""
    if quantity is None:
        return None
    if isinstance(quantity, tree.Quantity):
        found = literal(quantity)
        if found.type.dimension == TIME or found.type == ERROR:
            return None if found.type == ERROR else found.value
    number = text_of(quantity.span).strip("`")
    ctx.report.add(
        "E0301",
        f"{text_of(quantity.span)} has no unit of time where a length of time belongs.",
        quantity.span,
        f"Write `{number} days`."
        if number.replace("_", "").replace(".", "").isdigit()
        else "Write a number and its unit, such as `7 days`.",
    )
    return None


def whole_steps(ctx: Context, value: float | None, span: Span, what: str) -> int | None:
    """Number of steps in ``value`` days; None after reporting that it is not a whole number of at least one."""
    if value is None:
        return None
    steps = value / ctx.step
    if steps > MOST_STEPS:
        ctx.report.add(
            "E0705",
            f"{what} of {value:g} days is more than {MOST_STEPS:_} steps of {ctx.step:g} days, the most of any run.",
            span,
            "Check the number and its unit, or make `step` in `clock` longer.",
            ctx.clock_says(),
        )
        return None
    if steps >= 0.5 and abs(steps - round(steps)) < 1e-9 * max(1.0, steps):
        return round(steps)
    shorter = "shorter than a step" if steps < 1 else "not a whole number of steps"
    ctx.report.add(
        "E0705",
        f"{what} of {value:g} days is {shorter} of {ctx.step:g} days, and the model is looked at once a step.",
        span,
        "Change it to a multiple of the step, or make `step` in `clock` shorter.",
        ctx.clock_says(),
    )
    return None
