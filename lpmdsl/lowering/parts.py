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


@dataclass(frozen=True, slots=True)
class Moved(Part):
    """Exposure that sources of a contagion on one network bring more where their times move with a ``parameter``.

    They weigh nothing by it, and owe what it brings in the steps in which they come or go.
    """

    parameter: str = ""


SLOPE_ZERO = 1 << 43
"""In a table of slopes of quantiles: what stands for 0, as a table holds ticks of 1 and more."""


def moved_name(parameter: str) -> str:
    """Name of the score by a parameter along whose dwell times the run is moved."""
    return f"{parameter} moved"
