"""Studies of a model: calibrations, scenarios, comparisons and checks."""

from __future__ import annotations

from lpmdsl.records import dataclass
from lpmdsl.source import Span
from lpmdsl.syntax.tree.actions import Change
from lpmdsl.syntax.tree.expressions import Distribution, Expr, Name, Quantity


@dataclass(frozen=True, slots=True)
class Fit:
    """``fit cases to "cases.csv" column cases with poisson()``"""

    observation: Name
    file: str
    file_span: Span
    column: Name
    by: tuple[Name, ...]
    likelihood: Distribution
    span: Span


@dataclass(frozen=True, slots=True)
class Calibrate:
    """``calibrate`` and its fits and clauses."""

    fits: tuple[Fit, ...]
    estimate: tuple[Name, ...]
    method: Name | None
    hold_out: Quantity | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Scenario:
    """``without`` interventions and behaviours, ``change`` parameters, ``include`` (written ``with``) other scenarios
    and behaviours that rest in the model as written."""

    name: Name
    without: tuple[Name, ...]
    include: tuple[Name, ...]
    changes: tuple[Change, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Summary:
    """``total of deaths by age_group``: function ``total``, ``peak``, ``peak day``, ``mean``, ``median``, ``min``,
    ``max``, ``final``, an observation, and its groups; ``attack rate``, ``final size``: of none."""

    function: str
    observation: Name | None
    span: Span
    by: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Compare:
    """``compare milder, later with baseline`` and its clauses."""

    scenarios: tuple[Name, ...]
    baseline: Name
    repeat: Quantity | None
    reports: tuple[Summary, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class CheckQuantity:
    """``check R0 of Flu between 1 and 10``, ``check calls of isolate at most 20_000``"""

    quantity: Name
    of: Name
    low: Expr | None
    high: Expr
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class CheckAlways:
    """``check always EXPR [between LOW and HIGH]``"""

    test: Expr
    low: Expr | None
    high: Expr | None
    doc: str
    span: Span
