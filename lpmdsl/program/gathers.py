"""Kernels that add up elements of others, or read one; each has a mirror image, by which adjoints go back.

Everyone adds up over its own row, so no float is added by two at once, and the order of a sum is that of the row.
"""

from __future__ import annotations

from typing import assert_never

from lpmdsl.program.ir import Assign, Gather, Kernel, KExpr, Let, Load, Loop, PlaceRead, RowSum, Store, Var
from lpmdsl.program.nodes import AGENT, integer, number, op, real, test
from lpmdsl.source import Span


def gather_kernel(name: str, gather: Gather, span: Span) -> Kernel:
    """The kernel that gathers, and knows its mirror image."""
    return way_kernel(name, gather.way, span, gather=gather)


def way_kernel(
    name: str, way: RowSum | PlaceRead, span: Span, adds: bool = False, gather: Gather | None = None
) -> Kernel:
    """``into[i]`` is (or grows by) the sum of ``source`` over the row of i, or its element at the place of i."""
    match way:
        case RowSum():
            edge, total = Var("edge", "i64"), Var("total", "f64")
            other = op("to_i64", Load(way.ends, (edge,), "i32"))
            start, stop = Load(way.rows, (AGENT,), "i64"), Load(way.rows, (op("add", AGENT, integer(1)),), "i64")
            adding = Assign(total.name, real("add", total, Load(way.source, (other,), "f64")))
            first = (Let(total.name, number(0.0)), Loop(edge.name, start, stop, (adding,)))
            value: KExpr = total
        case PlaceRead():
            mine = Var("place", "i64")
            found = Load(way.source, (op("max", mine, integer(0)),), "f64")
            value = op("select", test("ge", mine, integer(0)), found, number(0.0), dtype="f64")
            first = (Let(mine.name, op("to_i64", Load(way.place, (AGENT,), "i32"))),)
        case _:
            assert_never(way)
    value = real("add", Load(way.into, (AGENT,), "f64"), value) if adds else value
    return Kernel(name, way.domain, (), (*first, Store(way.into, (AGENT,), value, span)), span, gather=gather)
