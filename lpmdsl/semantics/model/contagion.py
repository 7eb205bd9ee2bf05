"""Contagion: from which states, on which networks, scaled by what."""

from __future__ import annotations

from typing import Literal

from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Spread:
    """From one or more source states on one network: ``rate`` per contact (or per time) read on the source.

    ``of``: the condition of the other kind whose states these are, on a network between two kinds; "" for the
    contagion's own.
    """

    states: tuple[int, ...]
    network: str
    rate: Expr
    span: Span
    of: str = ""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Factor on one end of the listed networks where ``where`` holds (for the agent at that end)."""

    end: Literal["source", "target"]
    factor: Expr
    where: Expr | None
    networks: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Contagion:
    """Rules by which a condition passes from agent to agent."""

    condition: str
    spreads: tuple[Spread, ...]
    scalings: tuple[Scaling, ...]
    doc: str
    span: Span
    remembers: str = ""
    """The network of each one's source, where it is remembered."""

    def spreads_on(self, network: str) -> tuple[Spread, ...]:
        """The rules by which it spreads on a network, in written order."""
        return tuple(s for s in self.spreads if s.network == network)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks on which it spreads, each once, in written order."""
        return tuple(dict.fromkeys(s.network for s in self.spreads))

    def sources_on(self, network: str) -> tuple[int, ...]:
        """The states that spread on a network, each once, in ascending order."""
        return tuple(sorted({state for s in self.spreads_on(network) for state in s.states}))

    def source_on(self, network: str) -> str:
        """The condition whose states spread on a network: another kind's if the network joins two kinds."""
        return next((s.of for s in self.spreads if s.network == network and s.of), self.condition)
