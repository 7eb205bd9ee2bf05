"""Studies of a model: scenarios, comparisons, checks and calibrations."""

from __future__ import annotations

from typing import Literal

from lpmdsl.records import dataclass
from lpmdsl.semantics.model.expressions import Expr
from lpmdsl.semantics.model.values import Distribution
from lpmdsl.source import Span


@dataclass(frozen=True, slots=True)
class Scenario:
    """``changes``: parameter and new value (in the parameter's dimension). Includes are already merged in.

    ``without``: interventions and behaviours left out; ``behaviours``: those that decide instead of others that
    decide the same.
    """

    name: str
    without: tuple[str, ...]
    changes: tuple[tuple[str, Expr], ...]
    doc: str
    span: Span
    behaviours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """``function`` of the reports of ``observation``, ``by`` attributes and conditions; ``text``: as written."""

    function: Literal["total", "peak", "peak day", "mean", "median", "min", "max", "final"]
    observation: str
    by: tuple[str, ...]
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """``baseline`` is ``baseline`` (the model as written) or a scenario."""

    scenarios: tuple[str, ...]
    baseline: str
    repeat: int
    reports: tuple[Summary, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class CheckQuantity:
    """A promise on a derived quantity (``R0`` of a condition); kept for the analysis pass."""

    quantity: str
    of: str
    low: Expr | None
    high: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class CheckAlways:
    """Watched at every step: ``test`` is a truth value, or a number between ``low`` and ``high``."""

    test: Expr
    low: Expr | None
    high: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Fit:
    """``column`` of ``file`` scatters by ``likelihood`` about ``observation``; ``by``: the columns that name groups."""

    observation: str
    file: str
    column: str
    by: tuple[str, ...]
    likelihood: Distribution
    file_span: Span
    column_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Calibrate:
    """``hold_out`` in days; ``hold_months`` above 0: so many months of the calendar, whose mean it is."""

    fits: tuple[Fit, ...]
    estimate: tuple[str, ...]
    method: str
    hold_out: float
    span: Span
    hold_months: int = 0
