"""Atomic instructions, a barrier and single machine instructions for threads that share arrays."""

# pyright: reportCallIssue=false
# Numba itself passes the first argument of an intrinsic, the typing context.
from __future__ import annotations

import sys

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from lpmdsl.kept import njit


@intrinsic
def _atomic_add(typingctx, array, index, value):
    """``array.flat[index] += value`` as one atomic instruction."""

    def codegen(context, builder, signature, args):
        array_type, _, _ = signature.args
        data = context.make_array(array_type)(context, builder, args[0]).data
        pointer = builder.gep(data, [args[1]])
        builder.atomic_rmw("add", pointer, args[2], "monotonic")
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), codegen


@intrinsic
def fetch_add(typingctx, array, index, value):
    """``array[index]`` before ``value`` is added to it, ordered against all other memory."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [args[1]]), args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), codegen


_give_way = types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32())
_SPINS = 2000


@njit(cache=True)
def barrier(team, threads):
    """Returns when all threads of the team have come; ``team[0]`` counts arrivals, ``team[8]`` the times all came.

    The two stand on different cache lines. Who waits long gives its processor away, so a busy machine loses little.
    """
    if threads == 1:
        return
    times = fetch_add(team, 8, 0)
    if fetch_add(team, 0, 1) == threads - 1:
        fetch_add(team, 0, -threads)
        fetch_add(team, 8, 1)
        return
    spins = 0
    while fetch_add(team, 8, 0) == times:
        spins += 1
        if spins > _SPINS:
            _give_way()


def atomic_add(array, index, value):
    """Add an integer to an element shared between threads; ``index`` is a whole number or a pair."""
    array[index] += value


@njit(cache=True)
def add_among(threads, array, index, value):
    """The same, without the price of an atomic instruction where one thread is all there is."""
    if threads == 1:
        array[index] += value
    else:
        atomic_add(array, index, value)


@overload(atomic_add)
def _atomic_add_overload(array, index, value):
    if isinstance(index, types.BaseTuple):
        return lambda array, index, value: _atomic_add(array, index[0] * array.shape[1] + index[1], np.int64(value))
    return lambda array, index, value: _atomic_add(array, index, np.int64(value))


@intrinsic
def exchange(typingctx, array, index, value):
    """``array[index]`` before ``value`` takes its place, as one atomic instruction."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("xchg", builder.gep(data, [args[1]]), args[2], "seq_cst")

    return array.dtype(array, types.intp, array.dtype), codegen


@intrinsic
def combine_or(typingctx, array, index, value):
    """``array[index]`` before it is or-ed with ``value``, as one atomic instruction."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("or", builder.gep(data, [args[1]]), args[2], "monotonic")

    return array.dtype(array, types.intp, array.dtype), codegen


@intrinsic
def combine_and(typingctx, array, index, value):
    """``array[index]`` before it is and-ed with ``value``, as one atomic instruction."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("and", builder.gep(data, [args[1]]), args[2], "monotonic")

    return array.dtype(array, types.intp, array.dtype), codegen


@intrinsic
def lowest_bit(typingctx, word):
    """The number of the lowest bit that is set in an int64 other than 0."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Asks for the cache line of an element of a one-dimensional array before it is needed."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen
