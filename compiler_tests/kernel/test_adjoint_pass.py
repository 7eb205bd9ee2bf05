"""The adjoint is a pass over any Program of numbers: what it needs to know stands in the Program."""

from __future__ import annotations

import pytest

from lpmdsl.program.gathers import gather_kernel
from lpmdsl.program.ir import (
    LANES,
    Buffer,
    Clear,
    Fold,
    Gather,
    If,
    Kernel,
    Launch,
    Load,
    Loop,
    OneMore,
    PlaceRead,
    Program,
    RowSum,
    Store,
    Tally,
    statements,
)
from lpmdsl.program.nodes import AGENT, integer, number, real, test as holds
from lpmdsl.program.passes.adjoint import active_buffers, adjoint
from lpmdsl.source import NOWHERE

FORCE = Load("constants", (integer(0),), "f64")
BUFFERS = (
    Buffer("constants", "f64", (1,), "constant"),
    Buffer("age", "f64", ("Person",), "input"),
    Buffer("older", "f64", ("Person",), "scratch"),
    Buffer("weight", "f64", ("Person",), "scratch"),
    Buffer("at_home", "f64", ("homes",), "scratch"),
    Buffer("felt", "f64", ("Person",), "scratch"),
    Buffer("Person_home", "i32", ("Person",), "input"),
    Buffer("home_rows", "i64", (OneMore("homes"),), "input"),
    Buffer("home_members", "i32", ("Person",), "input"),
    Buffer("total_tally", "f64", ("chunks_Person", 1, LANES), "tally"),
    Buffer("total", "f64", (1,), "scratch"),
)
MEMBERS = "home_rows", "home_members"
SUM = Gather(
    RowSum("homes", "weight", "at_home", *MEMBERS), PlaceRead("Person", "at_home", "weight", "Person_home")
)  # fmt: skip
READ = Gather(
    PlaceRead("Person", "at_home", "felt", "Person_home"), RowSum("homes", "felt", "at_home", *MEMBERS)
)  # fmt: skip


def weighed(value: Load | None = None) -> Kernel:
    weight = real("mul", value or FORCE, Load("age", (AGENT,), "f64"))
    older = Store("older", (AGENT,), real("add", Load("age", (AGENT,), "f64"), number(1.0)))
    return Kernel("weigh", "Person", (), (Store("weight", (AGENT,), weight), older))


def program(*more: Kernel) -> Program:
    counted = Kernel("count", "Person", (), (Tally("total_tally", integer(0), Load("felt", (AGENT,), "f64")),))
    kernels = (weighed(), gather_kernel("sum", SUM, NOWHERE), gather_kernel("read", READ, NOWHERE), counted, *more)
    step = (*(Launch(k.name) for k in kernels), Fold("total_tally", "total", "add"))
    return Program("plain", BUFFERS, (), (), kernels, (), step)


def test_what_is_made_of_the_inputs_is_found() -> None:
    assert active_buffers(program(), {"constants"}) == {"constants", "weight", "at_home", "felt", "total", "older"}
    assert active_buffers(program(), set()) == set()


def test_sums_and_readings_go_back_by_their_mirror_images() -> None:
    made = adjoint(program(), {"constants"})
    back = {k.name: k for k in made.kernels if k.name.startswith("back_")}
    assert list(back) == ["back_count", "back_read", "back_sum", "back_weigh"]
    assert back["back_read"].domain == "homes" and back["back_sum"].domain == "Person"
    stored = {s.buffer for s in statements(back["back_read"].body) if isinstance(s, Store)}
    assert stored == {"d_at_home"}
    order = [i.kernel for i in made.step if isinstance(i, Launch) and i.kernel.startswith("back_")]
    assert order == list(back) and Clear("d_felt") in made.step


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (If(holds("gt", FORCE, number(0.0)), (Store("weight", (AGENT,), FORCE),)), "If has no adjoint"),
        (Loop("k", integer(0), integer(2), (Store("weight", (AGENT,), FORCE),)), "a loop or an assignment"),
    ],
)
def test_what_has_no_adjoint_is_named_with_its_kernel(statement: If | Loop, words: str) -> None:
    with pytest.raises(AssertionError, match=f"odd: .*{words}"):
        adjoint(program(Kernel("odd", "Person", (), (statement,))), {"constants"})
