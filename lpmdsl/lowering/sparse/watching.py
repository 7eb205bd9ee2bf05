"""Values that are the same for all and on which what everybody adds may hang: where one changes, all are looked at."""

from __future__ import annotations

from lpmdsl.lowering.builder import Builder
from lpmdsl.program.ir import Kernel, KExpr, KStmt, Let, Load, Store, Var, expressions, statements, walk
from lpmdsl.program.nodes import STEP, all_of, any_of, integer, op, test
from lpmdsl.program.passes.simplify import simplify

FIRST = integer(0)


def varying(builder: Builder, kernel: Kernel) -> list[Var] | None:
    """The locals of the prologue that differ between steps; None if they do in each step."""
    if _moves_on(builder, kernel.body):
        return None
    fixed = {"constant", "input"}
    found: list[Var] = []
    for stmt in simplify(kernel).prologue:
        nodes = [e for s in statements((stmt,)) for x in expressions(s) for e in walk(x)]
        if not isinstance(stmt, Let) or _moves_on(builder, (stmt,)):
            return None
        read = {e.name for e in nodes if isinstance(e, Var)}
        depends = any(isinstance(e, Load) and builder.buffers[e.buffer].role not in fixed for e in nodes)
        if depends or read & {v.name for v in found}:
            found.append(Var(stmt.name, stmt.value.dtype))
    return found


def _moves_on(builder: Builder, body: tuple[KStmt, ...]) -> bool:
    """Return True if the statements read the step itself or what was reported."""
    for stmt in statements(body):
        for node in (e for x in expressions(stmt) for e in walk(x)):
            if node == STEP or (isinstance(node, Load) and builder.buffers[node.buffer].role == "output"):
                return True
    return False


def watch_kernel(builder: Builder, kernel: Kernel, name: str, locals_: list[Var], first: KExpr) -> Kernel:
    """Kernel that looks whether a local of the prologue differs from the last time; ``first``: there was none.

    It stores 1 in the buffer ``{name}_all`` then, else 0.
    """
    builder.buffer(f"{name}_all", "i64", (1,), "control", note="1: everyone is looked at in this step")
    builder.buffer(
        f"{name}_seen", "f64", (len(locals_),), "control", note="what all weights depend on, the step before"
    )
    tests: list[KExpr] = [first]
    stores: list[KStmt] = []
    for k, local in enumerate(locals_):
        now = local if local.dtype == "f64" else op("to_f64", local, dtype="f64")
        before = builder.load(f"{name}_seen", integer(k))
        known = all_of(test("ne", before, before), test("ne", now, now))  # neither is a number
        tests.append(all_of(test("ne", before, now), test("not", known)))
        stores.append(Store(f"{name}_seen", (integer(k),), now))
    differs = Store(f"{name}_all", (FIRST,), op("select", any_of(*tests), integer(1), integer(0)))
    return Kernel(f"watch_{name}", "", kernel.prologue, (differs, *stores), kernel.span)
