"""The schedule of a Program as launches: what runs alone between two passes over agents is joined into one kernel.

The host never waits and never decides: a gate that has passes over agents inside leaves its answer in ``gates``, and
every kernel behind it reads the answer and returns at once where it is closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from lpmdsl.program.ir import (
    Clear,
    Collect,
    Decide,
    Fold,
    Gate,
    Kernel,
    KExpr,
    Launch,
    Load,
    OrderStatistic,
    Program,
    Rank,
    ScheduleItem,
    SelectSmallest,
    Spend,
    Tally,
    statements,
    walk,
)

OPEN = -1
"""The number of the gate that is always open."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Leaves in ``gates[gate]`` whether the test of a gate holds and the gate around it, ``within``, is open."""

    gate: int
    within: int
    test: KExpr
    note: str


Item = Launch | Fold | Ask | Gate
"""Items of a kernel that runs alone, one after the other."""


@dataclass(slots=True)
class Alone:
    """A kernel of one program a replicate. Each item with the gate that it stands behind.

    ``ticks``: it is the last of its schedule, and moves the clock on.
    """

    name: str
    items: list[tuple[int, Item]] = field(default_factory=list)
    ticks: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    """One lane an agent. ``chunks``: each program takes a whole chunk, since it adds up floats."""

    kernel: str
    domain: str
    chunks: bool
    gate: int


@dataclass(frozen=True, slots=True)
class Wipe:
    """Fills a buffer with zeros."""

    buffer: str
    gate: int


@dataclass(frozen=True, slots=True)
class Join:
    """Joins sums, minima or maxima of floats, one program a group."""

    tally: str
    into: str
    how: str
    gate: int


@dataclass(frozen=True, slots=True)
class Select:
    """Finds the key that bounds the ``limit[0]`` smallest."""

    keys: str
    limit: str
    cutoff: str
    chosen: str
    gate: int


@dataclass(frozen=True, slots=True)
class Order:
    """The number at a level among the values of each group."""

    values: str
    groups: str
    into: str
    level: float
    gate: int


@dataclass(frozen=True, slots=True)
class Sort:
    """The place of each in an order by values and then by keys, whether a gate is open or not."""

    values: str
    keys: str
    into: str


Stage = Alone | Each | Wipe | Join | Select | Order | Sort


@dataclass(slots=True)
class _Stages:
    program: Program
    name: str
    gates: int
    stages: list[Stage] = field(default_factory=list)

    def alone(self) -> Alone:
        """The kernel that is being filled, or a new one."""
        if not self.stages or not isinstance(self.stages[-1], Alone):
            number = sum(isinstance(s, Alone) for s in self.stages) + 1
            self.stages.append(Alone(f"{self.name}_{number}"))
        last = self.stages[-1]
        assert isinstance(last, Alone)
        return last

    def add(self, items: tuple[ScheduleItem, ...], gate: int) -> None:
        for item in items:
            match item:
                case Launch():
                    kernel = self.program.kernel(item.kernel)
                    if kernel.domain:
                        self.stages.append(
                            Each(item.kernel, kernel.domain, bool(lane_sums(self.program, kernel)), gate)
                        )
                    else:
                        self.alone().items.append((gate, item))
                case Fold():
                    self._fold(item, gate)
                case Clear():
                    self.stages.append(Wipe(item.buffer, gate))
                case SelectSmallest():
                    assert isinstance(item.limit, Load), "the limit of a selection is kept in a buffer"
                    self.stages.append(Select(item.keys, item.limit.buffer, item.cutoff, item.chosen, gate))
                case OrderStatistic():
                    self.stages.append(Order(item.values, item.groups, item.into, item.level, gate))
                case Rank():
                    self.stages.append(Sort(item.values, item.keys, item.into))
                case Gate():
                    self._gate(item, gate)
                case Collect() | Spend() | Decide():
                    raise AssertionError("a GPU goes through everyone: its program has no lists")
                case _:
                    assert_never(item)

    def _fold(self, item: Fold, gate: int) -> None:
        if self.program.buffer(item.tally).dtype == "i64":
            self.alone().items.append((gate, item))
        else:
            self.stages.append(Join(item.tally, item.into, item.how, gate))

    def _gate(self, item: Gate, gate: int) -> None:
        if all(self._is_alone(i) for i in item.items):
            self.alone().items.append((gate, item))
            return
        number = self.gates
        self.gates += 1
        self._asker(item.test).items.append((OPEN, Ask(number, gate, item.test, item.note)))
        self.add(item.items, number)

    def _asker(self, test: KExpr) -> Alone:
        """The kernel that asks: the last one, if only buffers that the test does not read were emptied since."""
        read = {e.buffer for e in walk(test) if isinstance(e, Load)}
        for stage in reversed(self.stages):
            match stage:
                case Alone():
                    return stage
                case Wipe(buffer=buffer) if buffer not in read:
                    continue
                case _:
                    break
        return self.alone()

    def _is_alone(self, item: ScheduleItem) -> bool:
        match item:
            case Launch():
                return not self.program.kernel(item.kernel).domain
            case Fold():
                return self.program.buffer(item.tally).dtype == "i64"
            case Gate():
                return all(self._is_alone(i) for i in item.items)
            case _:
                return False


def lane_sums(program: Program, kernel: Kernel) -> list[Tally]:
    """The tallies of floats of a kernel, one of each buffer."""
    found = {s.buffer: s for s in statements(kernel.body) if isinstance(s, Tally)}
    return [s for name, s in found.items() if program.buffer(name).dtype == "f64"]


def look_stages(program: Program) -> list[Stage]:
    """Launches of ``look``, which passes no gate and leaves the clock where it is."""
    look = _Stages(program, "look", 0)
    look.add(program.look, OPEN)
    return look.stages


def stages(program: Program) -> tuple[list[Stage], list[Stage], int]:
    """Launches of ``begin``, launches of a step, and how many gates there are. The last launch of each runs alone."""
    begin = _Stages(program, "begin", 0)
    begin.add(program.begin, OPEN)
    begin.alone().ticks = True
    step = _Stages(program, "step", begin.gates)
    step.add(program.step, OPEN)
    step.alone().ticks = True
    return begin.stages, step.stages, max(1, step.gates)
