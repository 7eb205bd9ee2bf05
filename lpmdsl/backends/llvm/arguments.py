"""Arguments of the functions of a listing, in order."""

from __future__ import annotations

from lpmdsl.program.ir import (
    Append,
    Claim,
    Draw,
    Enqueue,
    Kernel,
    Mark,
    Program,
    Reports,
    Var,
    buffers_of,
    expressions,
    statements,
    walk,
)


def buffer_arguments(program: Program) -> tuple[str, ...]:
    """The buffers that the driver takes, in order."""
    return tuple(sorted(b.name for b in program.buffers))


def size_arguments(program: Program) -> tuple[str, ...]:
    """The sizes that the driver takes, in order."""
    names = {str(d) for b in program.buffers for d in b.shape if isinstance(d, Reports)}
    return tuple(sorted(names | {k.domain for k in program.kernels if k.domain}))


def kernel_arguments(program: Program, kernel: Kernel) -> list[str]:
    """Arguments of a kernel besides its chunk and the step: keys of draws, sizes, buffers."""
    body = (*kernel.prologue, *kernel.body)
    names: list[str] = []
    if any(isinstance(s, Draw) for s in statements(body)):
        names += ["seed", "replicate"]
    read = {e.name for s in statements(body) for x in expressions(s) for e in walk(x) if isinstance(e, Var)}
    names += [size for size in size_arguments(program) if size in read]
    return [*names, *buffers_of(kernel)]


def goes_through_list(program: Program, kernel: Kernel) -> bool:
    """Return True if a kernel goes through a list, and not through a set, which is shared out by words.

    A list is for one thread: with atomic additions two took twice as long.
    """
    return bool(kernel.over) and program.buffer(kernel.over).dtype != "i64"


def shares_lists(kernel: Kernel) -> bool:
    """Return True if a kernel must know if it is alone: it goes through a list, or adds to one."""
    return bool(kernel.over) or any(isinstance(s, Append | Mark | Claim | Enqueue) for s in statements(kernel.body))
