"""Parts of the sources of a contagion, counted apart."""

from __future__ import annotations

from dataclasses import dataclass

from lpmdsl.semantics.model import Contagion


@dataclass(frozen=True, slots=True)
class Part(Contagion):
    """Some of the sources of a contagion on one network, or all, with weights of their own.

    It has counters of its own beside those of the contagion that it is a part of; nobody catches anything from it.
    """

    network: str = ""
    suffix: str = ""
