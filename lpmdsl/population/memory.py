"""Memory that a model needs and this computer has, so that too large a run is refused before it starts."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from lpmdsl.diagnostics import fail
from lpmdsl.population.connections import foreseen_degree
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Agent, Model
from lpmdsl.source import Span

PER_AGENT = 64
"""Bytes of transient arrays while attributes are drawn: words, uniforms, quantiles, a mask and a sort key."""
PER_MEMBER = 8
"""Bytes per agent and attribute or place; most need fewer."""
PER_CONDITION = 64
"""Bytes per agent and condition in the engine: state, entry and due ticks, threshold, episode, hazard, calendar."""
PER_TIE = 16
"""Bytes per neighbour of an agent at the peak of building: the list of ties, the rows, the generator's own notes."""
MOST_AGENTS = 2**31 - 1
ROOM = 0.8
"""Share of the memory that a proposed count may take."""


def redrawn(model: Model) -> frozenset[str]:
    """The networks of which nothing but the keys is ever kept, because their ties are drawn anew."""
    return frozenset(n.name for n in model.networks if n.redrawn)


def too_large_for_rows(
    model: Model, counts: Mapping[str, int], parameters: Mapping[str, float], circles: frozenset[str] = frozenset()
) -> frozenset[str]:
    """The networks that can be kept as keys alone (``random_regular``), where with their ties written out the run would
    take more memory than there is. ``circles``: those that are so anyway."""
    there = physical_bytes()
    needs_rows = any(c.remembers for c in model.contagions)
    if there is None or needs_rows or estimate_bytes(model, counts, parameters, circles) <= there:
        return frozenset()
    return frozenset(n.name for n in model.networks if n.generator is not None and n.generator.name == "random_regular")


def estimate_bytes(
    model: Model,
    counts: Mapping[str, int],
    parameters: Mapping[str, float] | None = None,
    circles: frozenset[str] = frozenset(),
) -> float:
    """About how many bytes the world and the run take at their peak; from above, within a factor of about two."""
    values = dict(parameters) if parameters is not None else parameter_values(model)
    total = 0.0
    for agent in model.agents:
        conditions = sum(c.of == agent.name for c in model.conditions)
        total += counts[agent.name] * (PER_AGENT + PER_MEMBER * len(agent.members) + PER_CONDITION * conditions)
    for network in model.networks:
        made = model.network(network.back_of) if network.back_of else network
        if made.generator is not None and made.name not in circles:
            total += counts[made.of] * (8 + PER_TIE * foreseen_degree(made, model, values, counts))
    return total


def require_memory(
    model: Model, counts: Mapping[str, int], parameters: Mapping[str, float], circles: frozenset[str] = frozenset()
) -> None:
    """Raises E0823 for a count that no run can have and E0801 for one that this computer cannot hold."""
    for agent in model.agents:
        if not 1 <= counts[agent.name] <= MOST_AGENTS:
            raise fail(
                "E0823",
                f"`{agent.name}` has {counts[agent.name]:,} agents; a run takes 1 to {MOST_AGENTS:,}.",
                agent.span,
                f"Write another `count`, or run with --agents {agent.name}=10000.",
            )
    needed, there = estimate_bytes(model, counts, parameters, circles), physical_bytes()
    if there is not None and needed > there:
        raise fail(
            "E0801",
            f"This population needs about {gib(needed)} of memory; this computer has {gib(there)}.",
            *_advice(model, counts, parameters, circles, there),
        )


def _advice(
    model: Model, counts: Mapping[str, int], parameters: Mapping[str, float], circles: frozenset[str], there: float
) -> tuple[Span, str]:
    """Declaration of the most numerous kind, and a count of it that would fit, however memory grows with it."""
    largest: Agent = max(model.agents, key=lambda agent: counts[agent.name])
    least, most = 1, counts[largest.name]
    while most - least > max(1, least // 100):
        middle = (least + most) // 2
        needed = estimate_bytes(model, {**counts, largest.name: middle}, parameters, circles)
        least, most = (middle, most) if needed <= ROOM * there else (least, middle)
    return largest.span, f"Write a smaller `count`, or run with --agents {largest.name}={least}."


def gib(size: float) -> str:
    """A number of bytes in GiB, as text."""
    return f"{size / 2**30:,.1f} GiB"


def physical_bytes() -> int | None:
    """The computer's memory, or the container's limit where that is lower; None if it is not known."""
    total = _windows_bytes() if sys.platform == "win32" else _posix_bytes()
    limit = Path("/sys/fs/cgroup/memory.max")
    try:
        text = limit.read_text().strip()
    except OSError:
        return total
    if not text.isdecimal():
        return total
    return int(text) if total is None else min(total, int(text))


def _posix_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _windows_bytes() -> int | None:
    """From GlobalMemoryStatusEx; the second field of its structure is the physical memory."""
    status = (ctypes.c_uint64 * 8)()
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    return int(status[1]) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
