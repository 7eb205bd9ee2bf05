"""The syntax tree: what the text says, before any name is looked up.

Frozen and slotted; every node keeps its span. The formatter prints it back, the checker turns it into
a ``semantics.model.Model``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lpmdsl.source import Source, Span

# ------------------------------------------------------------------ expressions


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written: ``contacts per day per tie`` is ``(("contacts", 1), ("day", -1), ("tie", -1))``.

    ``per 100_000`` is kept in ``Quantity.per_number``; ``Quantity.value`` is divided by it.
    """

    parts: tuple[tuple[str, int], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Quantity:
    """A literal with its unit: ``0.02 per contact``, ``30 %``, ``50 per 100_000 per week``, ``12``."""

    number: float
    percent: bool
    per_number: float | None
    unit: Unit | None
    text: str
    span: Span

    @property
    def value(self) -> float:
        """The number before its unit counts: ``30 %`` is 0.3, ``50 per 100_000`` is 0.0005."""
        return self.number / (100 if self.percent else 1) / (self.per_number or 1)


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name, to be resolved: parameter, attribute, category label, observation, table, …"""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Theirs:
    """``their.opinion``: an attribute of the other agent inside an aggregate."""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class YesNo:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Date:
    iso: str
    span: Span


@dataclass(frozen=True, slots=True)
class Lookup:
    """``hospital_risk[age_group]``"""

    table: Name
    keys: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function of numbers: ``abs(x)``, ``exp(x)``, ``min(a, b)``."""

    function: Name
    arguments: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` (op ``-``) or ``not x`` (op ``not``)."""

    op: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """``+ - * / ^``, comparisons ``< <= > >=``, ``and``, ``or``."""

    op: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Is:
    """``Flu is I``, ``age_group is adult``, ``campaign is active``, ``Flu is not I``; several: ``Flu is I or H``."""

    subject: Expr
    values: tuple[Name, ...]
    negated: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``FUNCTION of WHAT over OVER where WHERE else OTHERWISE``.

    ``count`` and ``share`` name an agent or network directly: ``count of Person where …`` has
    ``what=None, over=Name("Person")``. ``mean of cases over 4 weeks`` has ``over=Quantity``, ``total of cases`` none.
    ``level``: the share below a quantile, ``90 %`` of ``quantile 90 % of age over Person``.
    """

    function: str
    what: Expr | None
    over: Name | Quantity | None
    where: Expr | None
    otherwise: Expr | None
    span: Span
    level: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """``(A where TEST, B where TEST, C otherwise)``: the value of the first case whose test holds."""

    cases: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr
    span: Span


Expr = Quantity | Name | Theirs | YesNo | Date | Lookup | Call | Unary | Binary | Is | Aggregate | Choice


@dataclass(frozen=True, slots=True)
class Argument:
    """``mean 2 days`` (named) or ``0 years`` (positional, ``name=None``)."""

    name: str | None
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Distribution:
    """``gamma(mean 2 days, sd 1 day)``; a bare table name has no arguments; ``keys``: ``jobs[age_group]``."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span
    keys: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratorArgument:
    """``degree 12`` or ``degrees poisson(mean 4)``; ``poisson(4)``, without names, is read as a call."""

    name: str | None
    value: Expr | Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class Generator:
    """``small_world(degree 12, rewiring 5 %)``: a network generator with its arguments."""

    name: Name
    arguments: tuple[GeneratorArgument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class TypeName:
    """``category``, ``yes/no``, ``duration``, ``probability``; or a unit: ``contacts per day``; ``money per week``
    keeps ``name="money"`` and the rest in ``unit``."""

    name: str
    unit: Unit | None
    span: Span


# ------------------------------------------------------------------ actions


@dataclass(frozen=True, slots=True)
class SetTo:
    """``set vaccinated to yes with probability 80 %``; ``adds``: ``add 1 to doses``."""

    target: Name
    value: Expr
    probability: Expr | None
    span: Span
    adds: bool = False


@dataclass(frozen=True, slots=True)
class MoveTo:
    """``move Flu to R with probability 50 %``"""

    condition: Name
    state: Name
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Leave:
    """``leave offices, classes``"""

    networks: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Scale:
    """``scale town by 40 %``"""

    networks: tuple[Name, ...]
    factor: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Change:
    """``change beta to 0.02 per contact``, in a scenario or while an intervention is active."""

    target: Name
    value: Expr
    span: Span


Action = SetTo | MoveTo | Leave | Scale | Change
AT_A_MOMENT = {
    "set": "set ATTRIBUTE to VALUE with probability P",
    "add": "add VALUE to ATTRIBUTE with probability P",
    "move": "move CONDITION to STATE with probability P",
}
"""First word of each action that happens at a moment -> how it reads."""
LASTING = {
    "leave": "leave NETWORK",
    "scale": "scale NETWORK by FACTOR",
    "change": "change PARAMETER to VALUE",
}
"""The same of what holds as long as something else does."""

# ------------------------------------------------------------------ declarations


@dataclass(frozen=True, slots=True)
class Header:
    """``model NAME version X.Y`` or ``library NAME version X.Y``; ``kind`` is ``model`` or ``library``."""

    kind: str
    name: Name
    version: str | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class UseItem:
    """``only agent Person``: a kind keyword and a name."""

    kind: str
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    path: str
    path_span: Span
    version: str | None
    only: tuple[UseItem, ...]
    alias: Name | None
    settings: tuple[tuple[Name, Expr], ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Clock:
    """``from START for DURATION`` or ``from START to END``."""

    step: Expr | None
    start: Date | None
    duration: Expr | Date | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    name: Name
    value: Expr
    prior: Distribution | None
    low: Expr | None
    high: Expr | None
    source: str | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class TableRow:
    """``adult elder 0.4 contacts per day``: keys as written (category labels or numbers), then the value."""

    keys: tuple[Name, ...]
    value: Quantity
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """``by`` empty: a one-column list keyed by whatever the rows say (``household_sizes of share``)."""

    name: Name
    by: tuple[Name, ...]
    of: TypeName
    file: str | None
    file_span: Span | None
    column: Name | None
    rows: tuple[TableRow, ...]
    source: str | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Band:
    """``band of age at 18 years, 65 years named child, adult, elder``"""

    of: Name
    cuts: tuple[Expr, ...]
    labels: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """``age duration ~ uniform(…)`` (drawn), ``vaccinated yes/no = no`` (value), ``age_group category = band …``,
    ``borough category one of bronx, queens`` (labels; from a file), or just ``income money`` (from a file).

    ``between low and high``; ``missing as …``: what a missing value of the file means (a ``Name`` for a label).
    """

    name: Name
    type: TypeName
    value: Expr | Band | None
    drawn: Distribution | None
    labels: tuple[Name, ...]
    doc: str
    span: Span
    low: Expr | None = None
    high: Expr | None = None
    missing: Expr | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """``school place of size 400 within borough where …``.

    ``size`` is a distribution after ``~``, an expression or None (a file); ``within`` the attributes shared in a place.
    """

    name: Name
    size: Expr | Distribution | None
    within: tuple[Name, ...]
    where: Expr | None
    doc: str
    span: Span
    missing: Expr | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """``agent`` (``extends=False``) or ``extend`` (``extends=True``, no count and no file)."""

    name: Name
    extends: bool
    count: Quantity | None
    at_most: Quantity | None
    file: str | None
    file_span: Span | None
    attributes: tuple[Attribute | Place, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Sharing:
    place: Name
    span: Span


@dataclass(frozen=True, slots=True)
class AtRandom:
    mixing: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Generated:
    """``as small_world(degree 12, rewiring 5 %)``"""

    generator: Generator
    span: Span


@dataclass(frozen=True, slots=True)
class FromFile:
    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    """``contacts`` is the rate after ``with``; ``days`` is ``weekdays``, ``weekends`` or None."""

    name: Name
    joins: Name
    to: Name | None
    how: Sharing | AtRandom | Generated | FromFile
    contacts: Quantity | Expr | None
    per_tie: bool
    days: str | None
    doc: str
    span: Span
    where: Expr | None = None


@dataclass(frozen=True, slots=True)
class ByContagion:
    span: Span


@dataclass(frozen=True, slots=True)
class After:
    dwell: Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class AtRate:
    rate: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Chance:
    """``with probability P every PERIOD``"""

    probability: Expr
    every: Quantity
    span: Span


@dataclass(frozen=True, slots=True)
class When:
    test: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    """``to H with probability p`` or ``to R otherwise`` (``probability=None``)."""

    to: Name
    probability: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Exit:
    """``from S, V TRIGGER to E`` or with branches; a plain ``to`` is one branch without a probability."""

    states: tuple[Name, ...]
    trigger: ByContagion | After | AtRate | Chance | When
    branches: tuple[Branch, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Except:
    """``except 20 Person in E`` (number, kind) / ``except share 0.5 % in E`` / ``except where EXPR in I``.

    A number or a share may have a ``where`` too: so many, or such a share, of those for whom it holds.
    """

    number: Expr | None
    kind: Name | None
    share: Expr | None
    where: Expr | None
    state: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Start:
    state: Name
    exceptions: tuple[Except, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class While:
    states: tuple[Name, ...]
    actions: tuple[Action, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OnEntering:
    states: tuple[Name, ...]
    actions: tuple[Action, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    name: Name
    of: Name
    states: tuple[Name, ...]
    start: Start | None
    exits: tuple[Exit, ...]
    whiles: tuple[While, ...]
    entering: tuple[OnEntering, ...]
    removed: tuple[Name, ...]
    doc: str
    span: Span
    at_most_one: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """``from I on homes, classes at transmissibility``"""

    states: tuple[Name, ...]
    networks: tuple[Name, ...]
    rate: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Scaled:
    """``source, target scaled by EXPR [where EXPR] [on NETWORKS]``; ``ends`` holds ``source`` and/or ``target``."""

    ends: tuple[str, ...]
    factor: Expr
    where: Expr | None
    networks: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Contagion:
    of: Name
    spreads: tuple[Spread, ...]
    scalings: tuple[Scaled, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Flow:
    """``number entering S, T [of CONDITION] per week``, or ``number going from`` the ``origins`` ``to`` the states."""

    states: tuple[Name, ...]
    of: Name | None
    per: Quantity
    span: Span
    origins: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """``costs of vaccination, testing per week``: what these interventions cost together."""

    interventions: tuple[Name, ...]
    per: Quantity
    span: Span


@dataclass(frozen=True, slots=True)
class Observe:
    name: Name
    value: Flow | Spending | Expr
    where: Expr | None
    by: tuple[Name, ...]
    thinned: Expr | None
    delayed: Distribution | None
    every: Quantity | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Crossing:
    """``EXPR rises above LEVEL`` / ``falls below LEVEL``, optionally ``DELAY after``."""

    value: Expr
    rises: bool
    level: Expr
    delay: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class OnDay:
    """``on day 30``: the number of days since the clock's start."""

    day: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Elapsed:
    """``after DELAY``, ``lasts DELAY`` or ``DELAY after it starts``: ``words`` says which, for the formatter."""

    delay: Expr
    words: Literal["after", "lasts", "since"]
    span: Span


Moment = Date | OnDay | Elapsed | Crossing


@dataclass(frozen=True, slots=True)
class Repeated:
    """``every PERIOD [for [at most N | share P of] Person [where EXPR]]`` and its actions."""

    every: Quantity
    kind: Name | None
    at_most: Expr | None
    where: Expr | None
    actions: tuple[Action, ...]
    span: Span
    share: Expr | None = None


@dataclass(frozen=True, slots=True)
class Together:
    """``at most N Person together [every PERIOD]``, or ``together with INTERVENTION``, which has such a line."""

    at_most: Expr | None
    kind: Name | None
    every: Quantity | None
    intervention: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class WhileActive:
    """``while active [for [share P of] Person [where EXPR]]`` and what holds then."""

    kind: Name | None
    where: Expr | None
    actions: tuple[Action, ...]
    span: Span
    share: Expr | None = None


@dataclass(frozen=True, slots=True)
class Intervention:
    name: Name
    starts: Moment | None
    stops: Moment | None
    repeated: tuple[Repeated, ...]
    while_active: tuple[WhileActive, ...]
    costs: Quantity | None
    doc: str
    span: Span
    together: Together | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """One line of a prompt, without its quotes; ``span`` is what stands between them."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Decides:
    """``decides yes/no into isolating``, for a rule with ``by rule EXPR``.

    ``answers``: the words of ``as isolate or go_out`` (yes first), or ().
    """

    type: TypeName
    into: Name
    answers: tuple[Text, ...]
    rule: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Knows:
    """``knows age_group, borough`` (no cuts) or ``knows income in bands at 600 USD per week``.

    ``labels``: the words of ``named "poor", "rich"`` for the bands, or ().
    """

    names: tuple[Name, ...]
    cuts: tuple[Expr, ...]
    labels: tuple[Text, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Asks:
    """``asks 20 times per archetype`` or ``asks for probabilities`` (``times=None``), and the prompt below it."""

    times: Quantity | None
    prompt: tuple[Text, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Validate:
    """``validate against "survey.csv" column c by age_group within 5 % by mean absolute``"""

    file: str
    file_span: Span
    column: Name
    by: tuple[Name, ...]
    at_most: Expr | None
    distance: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``every`` or ``when`` says when it decides; ``fallbacks`` is the share of ``at most 2 % fallbacks``."""

    name: Name
    of: Name
    decides: Decides | None
    every: Quantity | None
    when: tuple[Name, ...]
    knows: tuple[Knows, ...]
    asks: Asks | None
    system: tuple[Text, ...]
    remembers: Quantity | None
    shifted: Expr | None
    otherwise: Expr | None
    fallbacks: Expr | None
    validate: Validate | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Fit:
    observation: Name
    file: str
    file_span: Span
    column: Name
    by: tuple[Name, ...]
    likelihood: Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class Calibrate:
    fits: tuple[Fit, ...]
    estimate: tuple[Name, ...]
    method: Name | None
    hold_out: Quantity | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Scenario:
    """``without`` interventions and behaviours, ``change`` parameters, ``include`` (written ``with``) other scenarios
    and behaviours that rest in the model as written."""

    name: Name
    without: tuple[Name, ...]
    include: tuple[Name, ...]
    changes: tuple[Change, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Summary:
    """``total of deaths by age_group``: function ``total``, ``peak``, ``peak day``, ``mean``, ``median``, ``min``,
    ``max``, ``final``, an observation, and by what it is told apart; ``attack rate``, ``final size``: of none."""

    function: str
    observation: Name | None
    span: Span
    by: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Compare:
    scenarios: tuple[Name, ...]
    baseline: Name
    repeat: Quantity | None
    reports: tuple[Summary, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class CheckQuantity:
    """``check R0 of Flu between 1 and 10``, ``check calls of isolate at most 20_000``"""

    quantity: Name
    of: Name
    low: Expr | None
    high: Expr
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class CheckAlways:
    """``check always EXPR [between LOW and HIGH]``"""

    test: Expr
    low: Expr | None
    high: Expr | None
    doc: str
    span: Span


Declaration = (
    Use
    | Clock
    | Parameter
    | Table
    | Agent
    | Network
    | Condition
    | Contagion
    | Observe
    | Intervention
    | Behaviour
    | Calibrate
    | Scenario
    | Compare
    | CheckQuantity
    | CheckAlways
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A ``#`` comment kept for the formatter: the offset where it starts and its text with the ``#``."""

    text: str
    own_line: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its header (None if missing), declarations in written order, comments."""

    source: Source
    header: Header | None
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...]
