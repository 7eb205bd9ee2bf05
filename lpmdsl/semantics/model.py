"""The Model IR: what the text means. Every name is resolved, every expression typed, every unit in base units.

``check`` makes it, ``analyse`` reads it, ``lower`` turns it into a Program, the torch reference runs it as it is.
Durations are in days, rates per day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from lpmdsl.quantities import BOOLEAN, Type
from lpmdsl.semantics.expressions import (
    Aggregate as Aggregate,
    Apply as Apply,
    AttributeRef as AttributeRef,
    Expr as Expr,
    Follows as Follows,
    GroupReport as GroupReport,
    InState as InState,
    IsActive as IsActive,
    Literal_ as Literal_,
    ObservationRef as ObservationRef,
    ParameterRef as ParameterRef,
    Population as Population,
    Rolling as Rolling,
    StateOf as StateOf,
    TableRef as TableRef,
    Time as Time,
    children as children,
    is_constant as is_constant,
    mapped as mapped,
    reads_agent as reads_agent,
    walk as walk,
)
from lpmdsl.semantics.identity_cache import kept_by_identity
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Distribution:
    """A family of ``distributions.table.DISTRIBUTIONS`` with its arguments by canonical name, in base units.

    ``empirical`` has ``table`` set, and as arguments the keys of all its categories but the last, which is drawn;
    ``categorical`` has ``weights`` in label order.
    """

    family: str
    arguments: tuple[tuple[str, Expr], ...]
    table: str | None
    weights: tuple[Expr, ...]
    type: Type
    span: Span

    def argument(self, name: str) -> Expr | None:
        return dict(self.arguments).get(name)


@dataclass(frozen=True, slots=True)
class Clock:
    """``step`` and ``duration`` in days; ``steps`` is their quotient; ``start`` an ISO date or None."""

    step: float
    steps: int
    start: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """``default`` is evaluated with the other parameters' values; ``unit`` is how to print it: name and scale."""

    name: str
    default: Expr
    type: Type
    unit: str
    scale: float
    prior: Distribution | None
    low: float | None
    high: float | None
    source: str
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """``values`` row-major over ``keys`` (one tuple of labels per dimension), in base units.

    ``key_attributes`` names the attribute that each dimension is ``by``; a one-column list (``of share`` without
    ``by``) has one dimension keyed by its own row labels and ``key_attributes == ("",)``.
    """

    name: str
    key_attributes: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    values: tuple[float, ...]
    type: Type
    source: str
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an agent; exactly one of value, drawn, band, ``column`` (from the kind's file) is set.

    ``band``: (attribute, cut points in base units); its labels are in ``type.labels``.
    ``low``, ``high``: declared limits. ``missing``: what a missing value of the file means (in base
    units, or as the number of a label); None: it is a mistake. ``since``: the day from which a date counts.
    """

    name: str
    type: Type
    value: Expr | None
    drawn: Distribution | None
    band: tuple[str, tuple[Expr, ...]] | None
    column: str | None
    unit: str
    scale: float
    is_changed: bool
    doc: str
    span: Span
    low: float | None = None
    high: float | None = None
    missing: float | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Synthetic places of a size; ``size`` None: read from the kind's file, column ``name``.

    ``within``: category and yes/no attributes in which all of a place are alike; ``size`` may read these alone.
    ``missing_is_none``: an empty cell of the file is no place; else it is a mistake.
    """

    name: str
    size: Expr | Distribution | None
    where: Expr | None
    doc: str
    span: Span
    within: tuple[AttributeRef, ...] = ()
    missing_is_none: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """``count`` None: as many as the file has rows. Attributes and places in the order in which they are made."""

    name: str
    count: int | None
    file: str | None
    file_span: Span | None
    members: tuple[Attribute | Place, ...]
    doc: str
    span: Span

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(m for m in self.members if isinstance(m, Attribute))

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(m for m in self.members if isinstance(m, Place))


@dataclass(frozen=True, slots=True)
class Generator:
    """``small_world(degree 12, rewiring 5 %)``: a row of ``networks.generators.NETWORKS`` and its arguments.

    An argument of kind ``blocks`` is a ``TableRef`` without keys; one of kind ``degrees`` that too, or a distribution.
    """

    name: str
    arguments: tuple[tuple[str, Expr | Distribution], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    """``layout``: ``place`` (attribute ``place``), ``random`` (whole population, or groups of ``mixing``), ``ties``.

    ``contacts`` (contacts per day) None: the contagion's rate is itself per time. ``per_tie``: that many with each
    other; else spread evenly. ``days``: ``weekdays``, ``weekends`` or "" (always). ``mixing`` is a table by one
    category attribute twice: contacts per day of the row's group with the column's group. ``to``: the second kind of a
    network between two kinds, "" for one within a kind; each of ``of`` has contacts with people of ``to``, at random.
    ``where``: who takes part (None: everybody). At random, ``contacts`` may be each agent's own.
    """

    name: str
    of: str
    layout: Literal["place", "random", "ties"]
    place: str
    mixing: str | None
    generator: Generator | None
    file: str | None
    contacts: Expr | None
    per_tie: bool
    days: str
    doc: str
    span: Span
    to: str = ""
    where: Expr | None = None

    @property
    def is_by_person(self) -> bool:
        """Return True if everybody has a number of contacts of their own."""
        return self.contacts is not None and reads_agent(self.contacts)

    @property
    def is_between(self) -> bool:
        """Whether it joins two kinds of agents."""
        return bool(self.to)

    @property
    def met(self) -> str:
        """The kind among whom contacts are spread."""
        return self.to or self.of


@dataclass(frozen=True, slots=True)
class SetAttribute:
    """The attribute becomes ``value``; ``adds``: becomes more by it than what the actions before have made of it."""

    attribute: str
    value: Expr
    probability: Expr | None
    span: Span
    adds: bool = False


@dataclass(frozen=True, slots=True)
class ForceMove:
    """Moves the agent's ``condition`` to ``state`` (index), entering it as any other move would."""

    condition: str
    state: int
    probability: Expr | None
    span: Span


Action = SetAttribute | ForceMove


@dataclass(frozen=True, slots=True)
class ByContagion:
    pass


@dataclass(frozen=True, slots=True)
class After:
    dwell: Distribution


@dataclass(frozen=True, slots=True)
class AtRate:
    rate: Expr


@dataclass(frozen=True, slots=True)
class Chance:
    """``every`` in days; ``months`` above 0: every so many months of the calendar, whose mean ``every`` is."""

    probability: Expr
    every: float
    months: int = 0


@dataclass(frozen=True, slots=True)
class When:
    test: Expr


@dataclass(frozen=True, slots=True)
class Branch:
    """``probability`` None for the last, ``otherwise`` branch (or the only one)."""

    to: int
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of one state. ``site`` keys its draws; ``index`` is its written order within the state."""

    state: int
    index: int
    site: str
    trigger: ByContagion | After | AtRate | Chance | When
    branches: tuple[Branch, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class StartExcept:
    """A number of agents or a share of them, or all; with ``where`` of those for whom it holds."""

    number: Expr | None
    share: Expr | None
    where: Expr | None
    state: int
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Start:
    state: int
    exceptions: tuple[StartExcept, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class WhileInState:
    """While in ``states``: ``attribute`` reads as ``value`` (a set), or the agent is absent from ``networks``."""

    states: tuple[int, ...]
    attribute: str | None
    value: Expr | None
    networks: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OnEntering:
    states: tuple[int, ...]
    actions: tuple[SetAttribute, ...]
    site: str
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """``is_cyclic``: an agent can come back to a state (by exits or by forced moves), so episodes are counted."""

    name: str
    of: str
    states: tuple[str, ...]
    start: Start
    exits: tuple[Exit, ...]
    whiles: tuple[WhileInState, ...]
    entering: tuple[OnEntering, ...]
    removed: tuple[int, ...]
    is_cyclic: bool
    doc: str
    span: Span
    excludes: tuple[str, ...] = ()
    """Conditions that nobody has beside this one: whoever is out of the start state of one cannot catch another."""

    def exits_of(self, state: int) -> tuple[Exit, ...]:
        """The exits of a state in written order."""
        return _exits_by_state(self.exits).get(state, ())


@kept_by_identity
def _exits_by_state(exits: tuple[Exit, ...]) -> dict[int, tuple[Exit, ...]]:
    """The exits of every state, kept: passes ask state by state, and for thousands that would cost their square."""
    found: dict[int, list[Exit]] = {}
    for exit_ in sorted(exits, key=lambda e: e.index):
        found.setdefault(exit_.state, []).append(exit_)
    return {s: tuple(of) for s, of in found.items()}


@dataclass(frozen=True, slots=True)
class Spread:
    """From one or more source states on one network: ``rate`` per contact (or per time) read on the source.

    ``of``: the condition of the other kind whose states these are, on a network between two kinds; "" for the
    contagion's own.
    """

    states: tuple[int, ...]
    network: str
    rate: Expr
    span: Span
    of: str = ""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Factor on one end of the listed networks where ``where`` holds (for the agent at that end)."""

    end: Literal["source", "target"]
    factor: Expr
    where: Expr | None
    networks: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Contagion:
    condition: str
    spreads: tuple[Spread, ...]
    scalings: tuple[Scaling, ...]
    doc: str
    span: Span

    def source_on(self, network: str) -> str:
        """The condition whose states spread on a network: another kind's if the network joins two kinds."""
        return next((s.of for s in self.spreads if s.network == network and s.of), self.condition)


@dataclass(frozen=True, slots=True)
class Flow:
    """``number entering`` states of a condition per period (days); ``origins``: from these only, () from any."""

    condition: str
    states: tuple[int, ...]
    per: float
    origins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """``costs of`` interventions in one currency per period (days): added up in written order."""

    interventions: tuple[str, ...]
    per: float


@dataclass(frozen=True, slots=True)
class Level:
    """An aggregate looked at every ``every`` days."""

    aggregate: Aggregate


@dataclass(frozen=True, slots=True)
class Derived:
    """A formula of other observations, parameters and time."""

    formula: Expr


@dataclass(frozen=True, slots=True)
class Observation:
    """``every``: days between reports (a flow's period). ``by``: category or yes/no attributes and conditions.

    ``groups`` are labels like ``child|I`` in row-major order of ``by`` (``("",)`` without ``by``).
    ``scale``: a reported value is the value in base units divided by it (a flow ``per week``: base is per day,
    scale 1/7, so the report is the count of the week). ``of`` is the kind of agent counted ("" for derived).
    """

    name: str
    of: str
    value: Flow | Spending | Level | Derived
    where: Expr | None
    by: tuple[Expr, ...]
    groups: tuple[str, ...]
    thinned: Expr | None
    delayed: Distribution | None
    every: float
    unit: str
    scale: float
    type: Type
    doc: str
    span: Span
    months: int = 0
    """Above 0: a report every so many months of the calendar, whose mean length ``every`` is."""

    @property
    def adds_over_time(self) -> bool:
        """Whether a report is kept as what its period came to, and not per day."""
        return isinstance(self.value, Flow | Spending)


@dataclass(frozen=True, slots=True)
class OnDate:
    """``day``: days since the start; ``iso`` as written, or ``day 30``."""

    day: float
    iso: str
    span: Span


@dataclass(frozen=True, slots=True)
class Elapsed:
    """So long after the clock's start, for a start; so long after it started, for a stop.

    ``delay`` in days, of parameters alone. ``months`` above 0: so many months of the calendar.
    """

    delay: Expr
    months: int
    span: Span


@dataclass(frozen=True, slots=True)
class Crossing:
    """``value`` and ``level`` are global expressions of observations and parameters; ``delay`` in days."""

    value: Expr
    rises: bool
    level: Expr
    delay: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Repeated:
    """``every`` in days; ``months`` above 0: every so many months of the calendar from its start.

    ``at_most`` global (agents) or None: all who satisfy ``where``.
    """

    of: str
    every: float
    at_most: Expr | None
    where: Expr | None
    actions: tuple[Action, ...]
    site: str
    span: Span
    months: int = 0
    counts_people: bool = True
    """Whether those whom it reaches cost something and count against a limit; not if it only draws who is meant."""


@dataclass(frozen=True, slots=True)
class Rescale:
    """Contacts on ``networks`` times ``factor`` (global)."""

    networks: tuple[str, ...]
    factor: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """Another value (global) of a parameter; the parameter itself in it is what the changes before made of it."""

    parameter: str
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Together:
    """At most so many agents in all blocks that share the limit, in every period counted from the clock's start."""

    of: str
    at_most: Expr
    every: float
    months: int
    span: Span


@dataclass(frozen=True, slots=True)
class WhileActive:
    """What holds while an intervention is active, for agents of ``of`` with ``where``.

    They are absent from ``networks``, and ``sets`` says what attributes read as. ``scales`` and ``changes`` are here as
    they are written; ``semantics.desugar`` has made scalings of contagions and choices in expressions of them. ``of``
    is "" where nobody in particular is meant.
    """

    of: str
    where: Expr | None
    networks: tuple[str, ...]
    span: Span
    sets: tuple[SetAttribute, ...] = ()
    scales: tuple[Rescale, ...] = ()
    changes: tuple[ParameterChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Intervention:
    """``starts`` None: active from the start. ``costs``: money per day active, per person treated, or once a start."""

    name: str
    starts: OnDate | Elapsed | Crossing | None
    stops: OnDate | Elapsed | Crossing | None
    repeated: tuple[Repeated, ...]
    while_active: tuple[WhileActive, ...]
    costs: float | None
    costs_per: Literal["day", "person", "start", ""]
    doc: str
    span: Span
    together: Together | None = None
    limited_by: str = ""
    """The intervention whose ``together`` limits the blocks of this one: itself, another, or none."""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``changes``: parameter and new value (in the parameter's dimension). Includes are already merged in.

    ``without``: interventions and behaviours left out; ``behaviours``: those that decide instead of others that
    decide the same.
    """

    name: str
    without: tuple[str, ...]
    changes: tuple[tuple[str, Expr], ...]
    doc: str
    span: Span
    behaviours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """``function`` of the reports of ``observation``, ``by`` attributes and conditions; ``text``: as written."""

    function: Literal["total", "peak", "peak day", "mean", "median", "min", "max", "final"]
    observation: str
    by: tuple[str, ...]
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """``baseline`` is ``baseline`` (the model as written) or a scenario."""

    scenarios: tuple[str, ...]
    baseline: str
    repeat: int
    reports: tuple[Summary, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CheckQuantity:
    """A promise on a derived quantity (``R0`` of a condition); kept for the analysis pass."""

    quantity: str
    of: str
    low: Expr | None
    high: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class CheckAlways:
    """Watched at every step: ``test`` is a truth value, or a number between ``low`` and ``high``."""

    test: Expr
    low: Expr | None
    high: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Fit:
    """``column`` of ``file`` scatters by ``likelihood`` about ``observation``; ``by``: the columns that name groups."""

    observation: str
    file: str
    column: str
    by: tuple[str, ...]
    likelihood: Distribution
    file_span: Span
    column_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Calibrate:
    """``hold_out`` in days; ``hold_months`` above 0: so many months of the calendar, whose mean it is."""

    fits: tuple[Fit, ...]
    estimate: tuple[str, ...]
    method: str
    hold_out: float
    span: Span
    hold_months: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """One thing that a prompt may name. ``value`` is read on the agent; ``labels`` are the words for it in a prompt.

    ``cuts`` (base units, rising, global expressions) cut a number into ``len(cuts) + 1`` bands; () for a category or
    yes/no. One label more than bands: the last is for what has not been reported yet (NaN).
    """

    slot: str
    value: Expr
    cuts: tuple[Expr, ...]
    labels: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Validate:
    """A survey: ``column`` of ``file`` holds the share (or mean) that the decision should have, for each of ``by``."""

    file: str
    column: str
    by: tuple[str, ...]
    distance: Literal["mean_absolute", "total_variation", "rms"]
    at_most: float | None
    span: Span


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A decision that a language model takes once per occupied archetype, or a rule for each agent (``rule`` set).

    ``every`` in days; None: whenever one of ``when`` (slots of ``knows``) changes. ``asks``: replies per archetype;
    0: one call that gives probabilities (log-probabilities of the answers). ``prompt`` and ``system`` hold ``{slot}``.
    ``remembers``: so many earlier decisions of the agent itself are part of its archetype. ``shifted``: a shift of the
    logit. ``otherwise``: what is decided (probability of yes, share, label index) where no reply can be had.
    ``most_fallbacks``: the share of asks that may fall back before a run stops. ``answers``: what no and yes are called
    in a reply; () where they are called no and yes.
    """

    name: str
    of: str
    decides: Type
    into: str
    every: float | None
    when: tuple[str, ...]
    knows: tuple[Known, ...]
    asks: int
    prompt: str
    system: str
    remembers: int
    shifted: Expr | None
    otherwise: Expr
    rule: Expr | None
    most_fallbacks: float
    validate: Validate | None
    site: str
    doc: str
    span: Span
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A whole model. Dict-like members are tuples in written order; ``find`` looks one up by name."""

    name: str
    version: str
    doc: str
    directory: str
    clock: Clock
    parameters: tuple[Parameter, ...]
    tables: tuple[Table, ...]
    agents: tuple[Agent, ...]
    networks: tuple[Network, ...]
    conditions: tuple[Condition, ...]
    contagions: tuple[Contagion, ...]
    observations: tuple[Observation, ...]
    interventions: tuple[Intervention, ...]
    scenarios: tuple[Scenario, ...]
    comparisons: tuple[Compare, ...]
    checks: tuple[CheckQuantity | CheckAlways, ...]
    calibrations: tuple[Calibrate, ...]
    is_library: bool = False
    behaviours: tuple[Behaviour, ...] = ()

    def parameter(self, name: str) -> Parameter:
        return _find(self.parameters, name)

    def table(self, name: str) -> Table:
        return _find(self.tables, name)

    def agent(self, name: str) -> Agent:
        return _find(self.agents, name)

    def network(self, name: str) -> Network:
        return _find(self.networks, name)

    def condition(self, name: str) -> Condition:
        return _find(self.conditions, name)

    def observation(self, name: str) -> Observation:
        return _find(self.observations, name)

    def intervention(self, name: str) -> Intervention:
        return _find(self.interventions, name)

    def behaviour(self, name: str) -> Behaviour:
        return _find(self.behaviours, name)

    def scenario(self, name: str) -> Scenario:
        return _find(self.scenarios, name)

    def contagion_of(self, condition: str) -> Contagion | None:
        return next((c for c in self.contagions if c.condition == condition), None)

    def source_of(self, contagion: Contagion, spread: Spread) -> Condition:
        """The condition whose states ``spread.states`` are: another kind's on a network between two kinds."""
        return self.condition(spread.of or contagion.condition)

    def is_passed_on(self, condition: str) -> bool:
        """Whether somebody can catch a condition from somebody."""
        contagion = self.contagion_of(condition)
        return contagion is not None and bool(contagion.spreads)


def overlays(model: Model, of: str, name: str) -> list[tuple[Expr, Expr]]:
    """When an attribute reads otherwise than it is stored, and as what: ``while`` clauses of conditions, then of
    interventions, in written order. The last that holds wins. Both are read from stored attributes."""
    found: list[tuple[Expr, Expr]] = [
        (InState(condition.name, clause.states, BOOLEAN, clause.span), clause.value)
        for condition in model.conditions
        if condition.of == of
        for clause in condition.whiles
        if clause.attribute == name and clause.value is not None
    ]
    for one in model.interventions:
        for clause in (w for w in one.while_active if w.of == of):
            active: Expr = IsActive(one.name, BOOLEAN, clause.span)
            test = active if clause.where is None else Apply("and", (active, clause.where), BOOLEAN, clause.span)
            found += [(test, s.value) for s in clause.sets if s.attribute == name]
    return found


def _find(items: tuple, name: str):
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


def whole_expressions(node: object) -> Iterator[Expr]:
    """The whole expressions anywhere inside a declaration, without their parts."""
    if isinstance(node, Expr):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from whole_expressions(item)
    elif hasattr(node, "__dataclass_fields__") and not isinstance(node, Span | Type):
        for f in fields(node):  # type: ignore[arg-type]
            yield from whole_expressions(getattr(node, f.name))


def every_expression(node: object) -> Iterator[Expr]:
    """All expressions (with their parts) anywhere inside a declaration."""
    for expr in whole_expressions(node):
        yield from walk(expr)
