"""The Program: its printed forms held as goldens, its rules enforced, and what the optimiser may and does change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import lpmdsl
from compiler_tests.example_models.small_models import OUTBREAK
from compiler_tests.support import builders as b
from compiler_tests.support.both_backends import KEPT, MODELS, assert_same, compiled, cpu_run, loaded, request_of
from lpmdsl.lowering.dense.program import lower
from lpmdsl.program.ir import (
    LANES,
    Apply,
    Assign,
    AtomicAdd,
    AtomicMax,
    Buffer,
    Clear,
    Const,
    Fold,
    Gate,
    If,
    Kernel,
    KStmt,
    Launch,
    Let,
    Load,
    Loop,
    OrderStatistic,
    Program,
    Quantile,
    Rank,
    ScheduleItem,
    SelectSmallest,
    Store,
    Tally,
    Var,
    expressions,
    statements,
    walk,
)
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.passes.fusion import optimise
from lpmdsl.program.verify import MalformedProgram, verify
from lpmdsl.semantics.model import ByContagion

EACH_MODEL = pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)


# ------------------------------------------------------------------ what is printed


@pytest.mark.parametrize("path", KEPT, ids=lambda p: p.stem)
def test_generated_source_is_the_golden_one(path: Path, golden: Callable[[str, str], None]) -> None:
    made = compiled(loaded(path).model)
    golden(f"{path.stem}.cpu.py.txt", made.emit("cpu"))
    golden(f"{path.stem}.ir.txt", made.emit("ir"))


@EACH_MODEL
def test_source_names_the_lines_of_the_model_and_compiles(path: Path) -> None:
    """Every kernel says in a comment which line of the text it comes from, and that line exists."""
    text = compiled(loaded(path).model).emit("cpu")
    compile(text, path.name, "exec")
    lines = len(path.read_text(encoding="utf-8").splitlines())
    kernels = [
        part for part in text.split("\ndef ")[1:] if not re.match(r"(begin|run_steps|look|note_faults_\d)\(", part)
    ]
    assert len(kernels) > 2
    for kernel in kernels:
        places = re.findall(r"#.*?(\w+)\.lpm:(\d+)", kernel)
        assert places, f"no line of the model, or of what it uses, in {kernel.splitlines()[:3]}"
        assert all(1 <= int(line) <= lines for name, line in places if name == path.stem)


@EACH_MODEL
def test_printing_twice_gives_the_same_text(path: Path) -> None:
    model = loaded(path).model
    assert compiled(model).emit("cpu") == compiled(model).emit("cpu")


# ------------------------------------------------------------------ what verify forbids


AGENT, STEP = Var("i", "i64"), Var("t", "i64")
ONE, HALF = Const(1, "i64"), Const(0.5, "f64")


def program(*body: KStmt, step: tuple[ScheduleItem, ...] = (Launch("k"),), more: tuple[Kernel, ...] = ()) -> Program:
    """A program of one kernel over people with that body."""
    buffers = (
        Buffer("people", "i64", ("Person",), "state"),
        Buffer("given", "f64", ("Person",), "input"),
        Buffer("fixed", "f64", (1,), "constant"),
        Buffer("real", "f64", ("Person",), "state"),
        Buffer("sums", "i64", ("chunks_Person", 2), "tally"),
        Buffer("total", "i64", (2,), "scratch"),
        Buffer("lowest", "f64", ("chunks_Person", 2), "tally"),
        Buffer("floats", "f64", ("chunks_Person", 2, LANES), "tally"),
    )
    return Program("p", buffers, (), (), (Kernel("k", "Person", (), body), *more), (), step)


SOUND = (
    Let("a", Load("people", (AGENT,), "i64")),
    If(Apply("gt", (Var("a", "i64"), STEP), "bool"), (Assign("a", ONE), Store("people", (AGENT,), Var("a", "i64")))),
    Loop("k", ONE, Var("Person", "i64"), (AtomicAdd("total", (Const(0, "i64"),), Var("k", "i64")),)),
    AtomicMax("before", "people", (AGENT,), Var("a", "i64")),
    Tally("sums", ONE, ONE),
    Tally("lowest", ONE, HALF, "min"),
    Tally("floats", ONE, HALF),
    Store("real", (AGENT,), Load("given", (AGENT,), "f64")),
)
FAULTS: dict[str, tuple[Program, str]] = {
    "a local read before it is defined": (
        program(Store("people", (AGENT,), Var("a", "i64"))),
        "read before it is defined",
    ),
    "a local of another block": (
        program(If(Const(True, "bool"), (Let("a", ONE),)), Store("people", (AGENT,), Var("a", "i64"))),
        "read before it is defined",
    ),
    "a loop's variable after the loop": (
        program(Loop("j", ONE, ONE, ()), Store("people", (AGENT,), Var("j", "i64"))),
        "read before it is defined",
    ),
    "the agent in a prologue": (
        replace(program(), kernels=(Kernel("k", "Person", (Let("a", AGENT),), ()),)),
        "read before it is defined",
    ),
    "a local assigned before it is defined": (program(Assign("a", ONE)), "assigned before"),
    "an unknown buffer read": (program(Let("a", Load("nothing", (AGENT,), "i64"))), "not read as it is declared"),
    "a buffer read as another type": (program(Let("a", Load("people", (AGENT,), "f64"))), "not read as it is declared"),
    "a buffer read with too many indices": (
        program(Let("a", Load("people", (AGENT, AGENT), "i64"))),
        "not read as it is",
    ),
    "an unknown buffer written": (program(Store("nothing", (AGENT,), ONE)), "not declared"),
    "an input written": (program(Store("given", (AGENT,), HALF)), "read-only"),
    "a constant written": (program(Store("fixed", (AGENT,), HALF)), "read-only"),
    "a tally stored to": (program(Store("sums", (AGENT,), ONE)), "tally buffer"),
    "a state tallied": (program(Tally("people", ONE, ONE)), "state buffer"),
    "a sum of floats without lanes": (program(Tally("lowest", ONE, HALF)), "lowest has no lanes"),
    "a minimum with lanes": (program(Tally("floats", ONE, HALF, "min")), "floats has lanes"),
    "floats added atomically": (program(AtomicAdd("real", (AGENT,), HALF)), "only integers commute"),
    "a maximum of floats": (program(AtomicMax("before", "real", (AGENT,), HALF)), "atomic maximum in real"),
    "a maximum in an input": (program(AtomicMax("before", "given", (AGENT,), HALF)), "read-only"),
    "another type stored": (program(Store("people", (AGENT,), HALF)), "f64 stored in people"),
    "an unknown operation": (program(Let("a", Apply("tan", (HALF,), "f64"))), "no operation tan"),
    "an unknown table of quantiles": (program(Let("a", Quantile("nothing", ONE, ONE))), "table nothing"),
    "a kernel that is not there": (program(step=(Launch("other"),)), "kernel other does not exist"),
    "a kernel that is not there behind a gate": (
        program(step=(Gate(Const(True, "bool"), (Launch("other"),)),)),
        "kernel other does not exist",
    ),
    "an unknown buffer cleared": (program(step=(Clear("nothing"),)), "buffer nothing does not exist"),
    "an unknown tally folded": (program(step=(Fold("nothing", "total", "add"),)), "fold of nothing"),
    "an unknown buffer folded into": (program(step=(Fold("sums", "nothing", "add"),)), "fold of sums"),
    "a selection without its buffers": (
        program(step=(SelectSmallest("people", ONE, "nothing", "total"),)),
        "selection of people",
    ),
    "a ranking without its buffers": (program(step=(Rank("real", "people", "nothing"),)), "ranking of real"),
    "two kernels of one name": (program(more=(Kernel("k", "Person", (), ()),)), "kernel is defined twice"),
    "two buffers of one name": (
        replace(program(), buffers=(*program().buffers, Buffer("real", "f64", (1,), "state"))),
        "buffer is declared twice",
    ),
}


def test_a_sound_program_passes() -> None:
    verify(program(*SOUND, step=(Launch("k"), Fold("sums", "total", "add"), Clear("total"))))


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_finds_each_fault(fault: str) -> None:
    bad, says = FAULTS[fault]
    with pytest.raises(MalformedProgram, match=re.escape(says)):
        verify(bad)


# ------------------------------------------------------------------ what optimise does


def passes(items: tuple[ScheduleItem, ...], of: Program) -> int:
    """Passes over a population that a schedule makes if every gate opens."""
    total = 0
    for item in items:
        match item:
            case Launch():
                total += bool(of.kernel(item.kernel).domain)
            case Gate():
                total += passes(item.items, of)
            case _:
                pass
    return total


def operations(items: tuple[ScheduleItem, ...], of: Program) -> int:
    """Nodes of all expressions that a schedule evaluates in one go through every kernel."""
    kernels = [of.kernel(name) for name in launched(items)]
    every = (s for k in kernels for s in statements((*k.prologue, *k.body)))
    return sum(1 for stmt in every for expr in expressions(stmt) for _ in walk(expr))


def launched(items: tuple[ScheduleItem, ...]) -> list[str]:
    names: list[str] = []
    for item in items:
        names += [item.kernel] if isinstance(item, Launch) else launched(item.items) if isinstance(item, Gate) else []
    return names


# Passes of a step as lowered and as optimised. The boarding school looks at its level once in four steps: a gate.
PASSES = {
    "boarding_school": (6, 6),
    "calibnn": (5, 5),
    "commuting": (4, 1),
    "anchor_clusters": (7, 5),
    "conformity": (4, 2),
    "cloned_network": (6, 3),
    "degroot": (7, 3),
    "dose_schedule": (11, 8),
    "fast_test": (6, 3),
    "gradabm_sir": (7, 7),
    "guess_average": (2, 1),
    "isolation_policy": (6, 5),
    "measles_households": (8, 7),
    "molt_cascade": (10, 7),
    "moran": (5, 4),
    "opinion": (10, 3),
    "s3_emotion": (6, 1),
    "school_closures": (9, 4),
    "test_trace_isolate": (9, 5),
    "tracing": (8, 7),
    "seir_age": (7, 6),
    "nyc_isolation": (8, 4),
    "sir_network": (8, 5),
    "town_flu": (11, 5),
    "vaccine_delay": (11, 8),
    "waning_seasons": (8, 5),
    "zombies": (6, 3),
}


@EACH_MODEL
def test_optimise_saves_passes_and_operations(path: Path) -> None:
    plain = lower(loaded(path).model)
    better = optimise(plain)
    assert (passes(plain.step, plain), passes(better.step, better)) == PASSES[path.stem]
    assert len(launched(better.step)) <= len(launched(plain.step))
    for items, optimised in ((plain.begin, better.begin), (plain.step, better.step)):
        assert operations(optimised, better) < operations(items, plain)


def test_a_plain_sir_takes_five_passes_a_step() -> None:
    """Own moves, weights, infections, what these owe, a second look; who is ill is counted in the pass of the last."""
    flu = b.condition("Flu", "S I R", b.leave(0, ByContagion(), 1), b.leave(1, b.after("exponential", mean=5), 2))
    made = b.model(
        5,
        conditions=(flu,),
        networks=(b.network("town", "random", contacts=3),),
        contagions=(b.contagion("Flu", (1, "town", 0.2)),),
        observations=(b.observe("ill", b.total("count", where=b.is_in("Flu", 1))),),
    )
    plain = lower(made)
    better = optimise(plain)
    assert passes(plain.step, plain) == 6 and passes(better.step, better) == 5


def test_optimise_decides_what_is_known() -> None:
    """1 + 2 is 3; a branch that cannot run, a local nobody reads and a gate that always opens are gone."""
    three = Apply("add", (ONE, Const(2, "i64")), "i64")
    never = Apply("eq", (ONE, Const(2, "i64")), "bool")
    body = (
        Let("unread", Load("people", (AGENT,), "i64")),
        If(never, (Store("people", (AGENT,), ONE),), (Store("people", (AGENT,), three),)),
    )
    always = Gate(Apply("eq", (Apply("mod", (STEP, ONE), "i64"), Const(0, "i64")), "bool"), (Launch("k"),))
    better = optimise(program(*body, step=(always,)))
    assert better.kernels[0].body == (Store("people", (AGENT,), Const(3, "i64")),)
    assert better.step == (Launch("k"),)


def test_gates_with_one_test_become_one_also_within_a_gate() -> None:
    """As in a run that may end early: its whole step stands behind one gate."""
    runs, weekly = (Apply("eq", (STEP, Const(n, "i64")), "bool") for n in (3, 7))
    inner = (Gate(weekly, (Launch("k"),)), Gate(weekly, (Clear("people"),)))
    better = optimise(program(step=(Gate(runs, inner),)))
    assert better.step == (Gate(runs, (Gate(weekly, (Launch("k"), Clear("people"))),)),)


def test_gates_stay_apart_where_the_first_may_change_what_the_second_reads() -> None:
    """The total is 0 at the first gate and 1 at the second; where people alone are written the gates become one."""
    total = Load("total", (Const(0, "i64"),), "i64")
    nobody = Apply("eq", (total, Const(0, "i64")), "bool")
    gates = (Gate(nobody, (Launch("k"),)), Gate(nobody, (Clear("people"),)))
    changed = optimise(program(AtomicAdd("total", (Const(0, "i64"),), ONE), step=gates))
    same = optimise(program(Store("people", (AGENT,), total), step=gates))
    assert changed.step == gates
    assert same.step == (Gate(nobody, (Launch("k"), Clear("people"))),)


def test_floating_point_is_never_refolded() -> None:
    """0.1 + 0.2 stays as written: the machine that runs it rounds it."""
    tenth, fifth = Const(0.1, "f64"), Const(0.2, "f64")
    written = Store("real", (AGENT,), Apply("add", (tenth, fifth), "f64"))
    assert optimise(program(written)).kernels[0].body == (written,)


def test_kernels_that_read_what_others_wrote_are_kept_apart() -> None:
    """A pass that reads a sum of everyone cannot join the pass that adds to it."""
    adds = (AtomicAdd("total", (Const(0, "i64"),), ONE),)
    reads = Kernel("r", "Person", (), (Store("people", (AGENT,), Load("total", (Const(0, "i64"),), "i64")),))
    alone = Kernel("s", "Person", (), (Store("real", (AGENT,), HALF),))
    apart = optimise(program(*adds, step=(Launch("k"), Launch("r")), more=(reads,)))
    joined = optimise(program(*adds, step=(Launch("k"), Launch("s")), more=(alone,)))
    assert len(apart.step) == 2 and len(joined.step) == 1


def test_what_a_median_needs_is_not_overwritten_before_it_is_taken() -> None:
    """Nor is a pass that reads the median moved before it; one that has nothing to do with it is."""
    first = (Store("real", (AGENT,), HALF),)
    median = OrderStatistic("real", "people", "total", 0.5)
    value = Store("given", (AGENT,), Load("total", (Const(0, "i64"),), "f64"))
    for stays in (value, Store("real", (AGENT,), Const(0.0, "f64"))):
        step = (Launch("k"), median, Launch("r"))
        assert optimise(program(*first, step=step, more=(Kernel("r", "Person", (), (stays,)),))).step == step
    moves = Kernel("r", "Person", (), (Store("given", (AGENT,), HALF),))
    assert optimise(program(*first, step=(Launch("k"), median, Launch("r")), more=(moves,))).step[1] == median


@pytest.mark.parametrize("name", ["sir_network", "seir_age"])
def test_optimise_changes_no_result(name: str) -> None:
    """On ties, and by mixing groups with an intervention; passes are fused in both."""
    model = loaded(next(p for p in MODELS if p.stem == name)).model
    made = compiled(model)
    request = replace(request_of(model, 2_000), steps=60)
    unoptimised, optimised = replace(made, cpu=expand_draws(lower(model))), replace(made, cpu=made.program)
    assert_same(cpu_run(unoptimised)(request), cpu_run(optimised)(request))


@pytest.mark.parametrize("name", ["seed", "t", "i", "chunk", "philox", "tl"])
def test_a_parameter_may_have_a_name_of_the_generated_code(name: str) -> None:
    """It is read in the kernel that draws: were it to take the name of an argument there, the counts would change."""
    flow = "observe cases = number entering I per day"
    plain = OUTBREAK.replace(flow, f"{flow} thinned by found")
    plain = plain.replace("agent Pupil", "parameter found = 50 %\n\nagent Pupil")
    counts = [
        lpmdsl.load(text).run(seed=3, backend="cpu").observations["value"].tolist()
        for text in (plain, plain.replace("found", name))
    ]
    assert counts[0] == counts[1]
    assert sum(counts[0]) > 0
