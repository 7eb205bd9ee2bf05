"""Profile of a run: the schedule walked stage by stage on one thread, with a clock."""

from __future__ import annotations

import operator
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.llvm.arguments import goes_through_list, kernel_arguments, shares_lists, size_arguments
from lpmdsl.backends.llvm.schedule import decide_function, fold_function
from lpmdsl.backends.llvm.worklists import CHUNK
from lpmdsl.backends.request import RunRequest
from lpmdsl.compiler import Compiled, with_circles
from lpmdsl.lowering.decision_tables import DONE, TURN
from lpmdsl.population.people import build_world, start_states
from lpmdsl.program import handles
from lpmdsl.program.ir import (
    Apply,
    Clear,
    Collect,
    Const,
    Decide,
    Fold,
    Gate,
    Kernel,
    KExpr,
    Launch,
    Load,
    OrderStatistic,
    Rank,
    ScheduleItem,
    SelectSmallest,
    Spend,
    Var,
    calendar_buffers,
    statements,
)
from lpmdsl.program.nodes import STEP
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.engine.asking import Asking
from lpmdsl.runtime.engine.buffers import make_buffers, size_values
from lpmdsl.runtime.engine.kernels import Kernels, build
from lpmdsl.runtime.scenarios import Plan
from lpmdsl.semantics.model import Model

_SCALAR: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "mod": operator.mod, "floordiv": operator.floordiv,
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b, "not": operator.not_,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """A pass of a step: what it does, the lines of the model that it comes from, its seconds over the whole run."""

    name: str
    lines: tuple[str, ...]
    seconds: float


def first_request(model: Model, planned: Plan, answers: Answers | None = None) -> RunRequest:
    """The first replicate of the first scenario of a plan; ``answers`` where somebody asks."""
    variant, seed = planned.variants[0], planned.options.seed
    world = build_world(model, variant.parameters, seed, planned.counts, keeps_keys=True)
    start = start_states(model, world, variant.parameters, seed, 0)
    ask = answers.ask_for(variant.parameters, world.counts) if answers is not None else None
    return RunRequest(model, world, variant.parameters, start, seed, 0, planned.steps, variant.disabled, ask)


def profile(compiled: Compiled, request: RunRequest) -> list[Stage]:
    """The stages of all steps, most expensive first, on one thread; compiling and the beginning apart."""
    compiled = with_circles(compiled, frozenset(request.world.circles))
    walk = _Walk(build(compiled), request)
    walk.step(-1, walk.program.begin)
    walk.seconds.clear()
    asking = Asking.of(request)
    for t in range(request.steps):
        if asking is not None and asking.is_due(t):
            for turn in asking.turns:
                walk.begin_turn(turn)
                walk.step(t, walk.program.look)
                if not walk.ask(t, turn, asking) and asking.stopped is not None:
                    raise asking.stopped
            walk.begin_turn(DONE)
        walk.step(t, walk.program.step)
    found = [Stage(name, walk.lines[name], seconds) for name, seconds in walk.seconds.items()]
    return sorted(found, key=lambda stage: -stage.seconds)


class _Walk:
    """The schedule of a program run from Python, with the seconds of every stage."""

    def __init__(self, kernels: Kernels, request: RunRequest) -> None:
        self.program, self.kernels = kernels.program, kernels
        sizes = size_values(self.program, request)
        self.known: dict[str, Any] = dict(make_buffers(self.program, request, sizes))
        self.known |= {name: sizes[name] for name in size_arguments(self.program)}
        self.known |= {"seed": np.uint64(request.seed), "replicate": request.replicate}
        self.seconds: dict[str, float] = defaultdict(float)
        self.lines: dict[str, tuple[str, ...]] = {}

    def step(self, t: int, items: tuple[ScheduleItem, ...]) -> None:
        for item in items:
            if isinstance(item, Gate):
                if self._value(item.test, t):
                    self.step(t, item.items)
                continue
            name, lines, call = self._call(item, t)
            self.lines[name] = lines
            before = time.perf_counter()
            call()
            self.seconds[name] += time.perf_counter() - before

    def begin_turn(self, turn: int) -> None:
        """Note whose turn it is, where some decide after others."""
        if TURN in self.known:
            self.known[TURN][0] = turn

    def ask(self, t: int, turn: int, asking: Asking) -> bool:
        """Ask for the archetypes' answers, as a stage of its own; return True if there were questions."""
        before = time.perf_counter()
        answered = asking.answer(t, turn, lambda name: self.known[handles.occurs(name)], self._fill)
        self.lines["asking"] = tuple(b.span.label for b in asking.behaviours)
        self.seconds["asking"] += time.perf_counter() - before
        return answered

    def _fill(self, name: str, codes: NDArray[np.int64], rows: NDArray) -> None:
        self.known[handles.answers(name)][codes] = rows

    def _call(self, item: ScheduleItem, t: int) -> tuple[str, tuple[str, ...], Callable[[], object]]:
        """The name of a stage, its lines, and a function that runs it: machine code, and its arguments ready."""
        match item:
            case Launch():
                return self._launch(self.program.kernel(item.kernel), t)
            case Decide():
                return self._decide(item, t)
            case Collect():
                names = (*calendar_buffers(item.calendar), item.items, handles.size(item.items))
                head, blocks, pool, items, length = self._known(names)
                return self._stage("collect", item.items, (head, blocks, pool, t, items, length))
            case Spend():
                return self._stage("spend", item.left, (*self._known(item.buffers), 0, 1))
            case Clear():
                return self._stage("clear", item.buffer, self._known((item.buffer,)))
            case Fold():
                given = self._known((item.tally, item.into))
                return self._stage("fold", item.into, given, fold_function(self.program, item))
            case SelectSmallest():
                keys, cutoff, chosen = self._known((item.keys, item.cutoff, item.chosen))
                given = (keys, self._value(item.limit, t), cutoff, chosen)
                return self._stage("select", item.keys, given, "select_smallest")
            case OrderStatistic():
                values, groups, into = self._known((item.values, item.groups, item.into))
                return self._stage("order", item.values, (values, groups, item.level, into), "order_statistic")
            case Rank():
                return self._stage("rank", item.values, self._known((item.values, item.keys, item.into)), "rank_by")
            case Gate():
                raise AssertionError("a gate is decided by the walk")
            case _:
                assert_never(item)

    def _known(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        return tuple(self.known[name] for name in names)

    def _stage(
        self, verb: str, of: str, given: tuple[Any, ...], function: str = ""
    ) -> tuple[str, tuple[str, ...], Callable[[], object]]:
        return f"{verb} {of}", (), self.kernels.function(function or verb).behind(0, *given)

    def _launch(self, kernel: Kernel, t: int) -> tuple[str, tuple[str, ...], Callable[[], object]]:
        function = self.kernels.function(kernel.name)
        arguments = [self.known[n] for n in kernel_arguments(self.program, kernel)]
        if not kernel.domain:
            return kernel.name, _lines(kernel), function.behind(0, t, *arguments)
        one = [1] if shares_lists(kernel) and not goes_through_list(self.program, kernel) else []
        size, run = self._size(kernel), function.behind(3, t, *one, *arguments)

        def call() -> None:
            piece = max(1, size) if kernel.over else CHUNK
            for lo in range(0, size, piece):
                run(lo // piece, lo, min(size, lo + piece))

        return kernel.name, _lines(kernel), call

    def _decide(self, item: Decide, t: int) -> tuple[str, tuple[str, ...], Callable[[], object]]:
        asks, key = [item.asks] if item.asks else [], (item.site, self._value(item.episode, t))
        given = (*self._known(item.buffers), *asks, self.known["seed"], *key, self.known["replicate"], 0, 1)
        run = self.kernels.function(decide_function(item)).behind(0, *given)
        return f"decide {item.behaviour}", (item.span.label,), run

    def _size(self, kernel: Kernel) -> int:
        """Over how many agents, entries of a list or words of a set a kernel goes."""
        if not kernel.over:
            return int(self.known[kernel.domain])
        if self.program.buffer(kernel.over).dtype == "i64":
            return len(self.known[kernel.over])
        return int(self.known[handles.size(kernel.over)][0])

    def _value(self, expr: KExpr, t: int) -> Any:
        match expr:
            case Load():
                return self.known[expr.buffer][tuple(self._value(k, t) for k in expr.index)]
            case Apply():
                return _SCALAR[expr.op](*(self._value(a, t) for a in expr.args))
            case Var():
                return t if expr == STEP else self.known[expr.name]
            case Const():
                return expr.value
            case _:
                raise AssertionError("a gate compares scalars")


def _lines(kernel: Kernel) -> tuple[str, ...]:
    """The places in the text that a kernel's statements name, each once: ``town_flu.lpm:60, 61``."""
    spans = [kernel.span, *(s.span for s in statements((*kernel.prologue, *kernel.body)))]
    named: dict[str, set[int]] = defaultdict(set)
    for span in spans:
        if span.source.text and not span.source.name.startswith("<built"):
            named[span.source.name].add(span.line)
    return tuple(f"{name}:{', '.join(str(line) for line in sorted(lines))}" for name, lines in sorted(named.items()))
