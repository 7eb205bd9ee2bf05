"""The Program IR on one screen: buffers, kernels over agents, and the schedule of one step.

Small and closed, so that a back end is a printer. A kernel's body is what one agent does; ``i`` is the agent.
Integers add by atomics or by tallies, which commute; so the order of agents never shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from lpmdsl.source import NOWHERE, Span

DType = Literal["bool", "u8", "i16", "i32", "u32", "i64", "f64"]
Role = Literal["constant", "input", "state", "scratch", "tally", "output", "control"]
"""constant: values of constant expressions and tables, set before a run; input: the world; state: what agents keep
between steps; scratch: refilled within a step; tally: partial sums of chunks; output: reports; control: scalars."""

ARITHMETIC = ("add", "sub", "mul", "div", "floordiv", "mod", "neg", "min", "max", "minimum", "maximum", "abs", "floor",
              "sqrt")  # fmt: skip
"""``min`` and ``max`` give their first argument where either is no number: what is counted is held so. ``minimum`` and
``maximum``, those of the language, are then no number either."""
INTEGER = ("shl", "shr", "bit_and")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
LOGIC = ("and", "or", "not", "select")
CASTS = ("to_i64", "to_f64", "to_u8", "to_i16", "to_i32")
OWN_MATHS = ("log", "exp", "sin", "cos")
LANES = 1024
"""Columns per group of a tally of float64 sums: agent ``i`` adds to column ``i mod LANES``, so that a GPU adds many at
once and still in one stated order (``docs/numerics.md``)."""
SPENT_TOGETHER = 64
"""Agents of a block of ``Spend``."""
LONGEST_KERNEL = 90
"""Letters of a kernel's name."""
NEVER = 1 << 30
"""More than ``Spend`` ever takes from anybody."""
OPS = frozenset((*ARITHMETIC, *INTEGER, *COMPARISONS, *LOGIC, *CASTS, *OWN_MATHS))


@dataclass(frozen=True, slots=True)
class Buffer:
    """An array. ``shape`` holds numbers and names of sizes (``Person``, ``Person_household_places``)."""

    name: str
    dtype: DType
    shape: tuple[int | str, ...]
    role: Role
    fill: float = 0
    note: str = ""
    rows: str = ""
    """Offsets of ties: the elements count ends of ties, and take the smallest integers that the longest row needs."""


# ------------------------------------------------------------------ expressions


@dataclass(frozen=True, slots=True)
class Const:
    value: float | int | bool
    dtype: DType


@dataclass(frozen=True, slots=True)
class Var:
    """A local, the agent ``i``, the step ``t``, or a size such as ``Person``."""

    name: str
    dtype: DType


@dataclass(frozen=True, slots=True)
class Load:
    buffer: str
    index: tuple[KExpr, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Apply:
    op: str
    args: tuple[KExpr, ...]
    dtype: DType


@dataclass(frozen=True, slots=True)
class Quantile:
    """Ticks (i64, at least 1) that the table ``buffer`` (rows, 2, cells) gives for a 32-bit word."""

    buffer: str
    row: KExpr
    word: KExpr
    dtype: DType = "i64"


@dataclass(frozen=True, slots=True)
class Threshold:
    """−log of the uniform made of two words, in units of 2⁻³², at least 1 (i64)."""

    high: KExpr
    low: KExpr
    dtype: DType = "i64"


@dataclass(frozen=True, slots=True)
class Beside:
    """The ``edge``-th neighbour (i64) of an agent in circles that are not written out (``networks.random_regular``)."""

    keys: str
    agent: KExpr
    edge: KExpr
    count: KExpr
    dtype: DType = "i64"


KExpr = Const | Var | Load | Apply | Quantile | Threshold | Beside

# ------------------------------------------------------------------ statements


@dataclass(frozen=True, slots=True)
class Let:
    """A new local. ``note`` is printed beside it."""

    name: str
    value: KExpr
    span: Span = NOWHERE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Assign:
    """A new value for a local."""

    name: str
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Draw:
    """Locals ``name_0 … name_3``: the four words of Philox at (agent, site, episode, replicate).

    ``quartered``: four agents share a draw, and only ``name_0`` is made: word (agent mod 4) of Philox at (agent div 4,
    site, episode, replicate). ``together``, of such a draw: a test that is the same for all agents, as is the episode.
    Where it holds nearly everyone in the pass draws; a processor draws for many at once then.
    """

    name: str
    site: int
    agent: KExpr
    episode: KExpr
    path: str
    span: Span = NOWHERE
    quartered: bool = False
    together: KExpr | None = None


def words_of(draw: Draw) -> tuple[str, ...]:
    """The locals that a draw makes."""
    return tuple(f"{draw.name}_{k}" for k in range(1 if draw.quartered else 4))


@dataclass(frozen=True, slots=True)
class Store:
    buffer: str
    index: tuple[KExpr, ...]
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class AtomicAdd:
    """Adds an integer to an element that several agents share."""

    buffer: str
    index: tuple[KExpr, ...]
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Tally:
    """Adds to (or takes the minimum or maximum with) column ``index`` of this chunk's row of a tally; ``Fold`` joins
    the rows in order. A tally of float64 sums has a third dimension, ``LANES``: the agent's lane of the column adds.
    """

    buffer: str
    index: KExpr
    value: KExpr
    how: Literal["add", "min", "max"] = "add"
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class If:
    test: KExpr
    then: tuple[KStmt, ...]
    orelse: tuple[KStmt, ...] = ()
    span: Span = NOWHERE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """``for var in range(start, stop)``"""

    var: str
    start: KExpr
    stop: KExpr
    body: tuple[KStmt, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class While:
    test: KExpr
    body: tuple[KStmt, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Append:
    """Adds an agent to a list: the buffers ``items`` (agents) and ``items_size`` (1)."""

    items: str
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Mark:
    """Puts an agent into a set of bits, 64 to an element, or takes it out."""

    bits: str
    index: KExpr
    on: bool
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Claim:
    """A new local: whether an agent was in a set of bits, which it leaves. Of several who ask, one is told yes."""

    name: str
    bits: str
    index: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Puts an agent into the bucket of a later step; the calendar is three buffers (``calendar_buffers``)."""

    calendar: str
    step: KExpr
    value: KExpr
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Asks for the memory of an element that is needed soon; changes nothing."""

    buffer: str
    index: KExpr
    span: Span = NOWHERE


def calendar_buffers(calendar: str) -> tuple[str, str, str]:
    """The newest block of each step's bucket (steps + 1), the blocks, and which of them are free."""
    return f"{calendar}_head", f"{calendar}_blocks", f"{calendar}_pool"


KStmt = Let | Assign | Draw | Store | AtomicAdd | Tally | If | Loop | While | Append | Mark | Claim | Enqueue | Prefetch

# ------------------------------------------------------------------ kernels and their schedule


@dataclass(frozen=True, slots=True)
class Ahead:
    """Prefetches for the agent so many places further down a list."""

    places: int
    body: tuple[KStmt, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """``domain``: a kind of agents, or "" for scalar code. ``prologue`` holds what is the same for all agents.

    ``over``: a list of agents (i32) or a set of bits (i64); only they are meant. ``ahead``: what is fetched early for
    agents further down a list.
    """

    name: str
    domain: str
    prologue: tuple[KStmt, ...]
    body: tuple[KStmt, ...]
    span: Span = NOWHERE
    note: str = ""
    over: str = ""
    ahead: tuple[Ahead, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", bounded(self.name))


def bounded(name: str) -> str:
    """The name of a kernel, cut where its compiled form would have too long a file name."""
    if len(name) <= LONGEST_KERNEL:
        return name
    return f"{name[: LONGEST_KERNEL - 9]}_{blake2b(name.encode(), digest_size=4).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Launch:
    kernel: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", bounded(self.kernel))


@dataclass(frozen=True, slots=True)
class Clear:
    """Fills a buffer with its ``fill``."""

    buffer: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Joins the chunk rows of ``tally`` in order into ``into`` and empties them; lanes are joined last, in halves."""

    tally: str
    into: str
    how: Literal["add", "min", "max"]


@dataclass(frozen=True, slots=True)
class SelectSmallest:
    """``cutoff[0]``: the largest of the ``limit`` smallest keys ≥ 0 of ``keys`` (−1: not eligible; −1 if none);
    ``chosen[0]``: how many that are."""

    keys: str
    limit: KExpr
    cutoff: str
    chosen: str


@dataclass(frozen=True, slots=True)
class OrderStatistic:
    """``into[g]``: the quantile ``level`` of those of ``values`` whose ``groups`` says g (−1: nobody's); between two
    values as far along as it lies between their ranks. NaN if any of them is, or if there is none."""

    values: str
    groups: str
    into: str
    level: float


@dataclass(frozen=True, slots=True)
class Gate:
    """``items`` only when the scalar ``test`` holds."""

    test: KExpr
    items: tuple[ScheduleItem, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Collect:
    """Adds those whose bucket of the calendar is this step's to a list."""

    calendar: str
    items: str


@dataclass(frozen=True, slots=True)
class Spend:
    """Takes ``counts`` from ``left`` in every block of ``SPENT_TOGETHER`` agents that is ``stirred``, and adds those of
    whom nothing is left to a list, once: from then on as much is left as nobody ever counts (``never``). A block of
    which nobody counts anything rests.
    """

    left: str
    counts: str
    stirred: str
    items: str

    @property
    def never(self) -> str:
        """One element: ``NEVER``, or the largest number of a narrower ``left`` that holds all that can be counted."""
        return f"{self.left}_never"

    @property
    def buffers(self) -> tuple[str, ...]:
        """All that it reads and writes, in the order in which back ends take them."""
        return (self.left, self.counts, self.stirred, self.never, self.items, f"{self.items}_size")


@dataclass(frozen=True, slots=True)
class Decide:
    """Everyone of a kind decides by a quartered draw and the row of ``table`` that ``archetypes`` names; the last row
    is for those who do not.

    ``asks`` 0: yes from the row's threshold on. Else so many replies stand in a row, and the word picks one.
    ``listed``: a list that those join who change their minds, unless they are noted; empty if nobody is told.
    """

    behaviour: str
    into: str
    asks: int
    site: int
    episode: KExpr
    listed: str = ""
    span: Span = NOWHERE

    @property
    def archetypes(self) -> str:
        return f"{self.behaviour}_archetype"

    @property
    def table(self) -> str:
        return f"{self.behaviour}_table"

    @property
    def buffers(self) -> tuple[str, ...]:
        """All that it reads and writes, in the order in which back ends take them."""
        told = (self.listed, f"{self.listed}_size", f"{self.listed}_noted") if self.listed else ()
        return (self.archetypes, self.table, self.into, *told)


ScheduleItem = Launch | Clear | Fold | SelectSmallest | OrderStatistic | Gate | Collect | Spend | Decide


@dataclass(frozen=True, slots=True)
class Constant:
    """Element ``index`` of the buffer ``constants``: the value of a model expression that parameters alone decide."""

    index: int
    name: str
    expression: object
    note: str


@dataclass(frozen=True, slots=True)
class QuantileTable:
    """A buffer that the host fills from a distribution before the run."""

    buffer: str
    distribution: object


@dataclass(frozen=True, slots=True)
class Program:
    """``begin`` runs once before step 0, ``step`` once a step; sizes name the symbolic dimensions of buffers.

    ``look`` runs before a step for which somebody outside must be asked: it tells what to ask about.
    """

    name: str
    buffers: tuple[Buffer, ...]
    constants: tuple[Constant, ...]
    quantiles: tuple[QuantileTable, ...]
    kernels: tuple[Kernel, ...]
    begin: tuple[ScheduleItem, ...]
    step: tuple[ScheduleItem, ...]
    look: tuple[ScheduleItem, ...] = ()

    def buffer(self, name: str) -> Buffer:
        return next(b for b in self.buffers if b.name == name)

    def kernel(self, name: str) -> Kernel:
        return next(k for k in self.kernels if k.name == name)


# ------------------------------------------------------------------ walking


def parts(expr: KExpr) -> tuple[KExpr, ...]:
    """The direct sub-expressions."""
    match expr:
        case Load():
            return expr.index
        case Apply():
            return expr.args
        case Quantile():
            return (expr.row, expr.word)
        case Threshold():
            return (expr.high, expr.low)
        case Beside():
            return (expr.agent, expr.edge, expr.count)
        case _:
            return ()


def walk(expr: KExpr) -> Iterator[KExpr]:
    yield expr
    for part in parts(expr):
        yield from walk(part)


def expressions(stmt: KStmt) -> tuple[KExpr, ...]:
    """The expressions that a statement itself evaluates (not those of its blocks)."""
    match stmt:
        case Let() | Assign():
            return (stmt.value,)
        case Draw():
            return (stmt.agent, stmt.episode, *((stmt.together,) if stmt.together is not None else ()))
        case Store() | AtomicAdd():
            return (*stmt.index, stmt.value)
        case Tally():
            return (stmt.index, stmt.value)
        case If() | While():
            return (stmt.test,)
        case Loop():
            return (stmt.start, stmt.stop)
        case Append():
            return (stmt.value,)
        case Mark() | Claim() | Prefetch():
            return (stmt.index,)
        case Enqueue():
            return (stmt.step, stmt.value)


def blocks(stmt: KStmt) -> tuple[tuple[KStmt, ...], ...]:
    """The nested blocks of a statement."""
    match stmt:
        case If():
            return (stmt.then, stmt.orelse)
        case Loop() | While():
            return (stmt.body,)
        case _:
            return ()


def statements(body: tuple[KStmt, ...]) -> Iterator[KStmt]:
    """Every statement, outermost first."""
    for stmt in body:
        yield stmt
        for block in blocks(stmt):
            yield from statements(block)


def whole(kernel: Kernel) -> tuple[KStmt, ...]:
    """Everything that a kernel does, with what it fetches early."""
    return (*kernel.prologue, *(s for a in kernel.ahead for s in a.body), *kernel.body)


def buffers_of(kernel: Kernel) -> tuple[str, ...]:
    """Names of the buffers that a kernel reads or writes, sorted."""
    names = {kernel.over} - {""}
    for stmt in statements(whole(kernel)):
        match stmt:
            case Store() | AtomicAdd() | Tally() | Prefetch():
                names.add(stmt.buffer)
            case Mark() | Claim():
                names.add(stmt.bits)
            case Append():
                names |= {stmt.items, f"{stmt.items}_size"}
            case Enqueue():
                names |= set(calendar_buffers(stmt.calendar))
            case _:
                pass
        for expr in expressions(stmt):
            names.update(e.buffer for e in walk(expr) if isinstance(e, Load | Quantile))
            names.update(e.keys for e in walk(expr) if isinstance(e, Beside))
    return tuple(sorted(names))
