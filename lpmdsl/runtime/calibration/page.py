"""``report.html`` of a calibration."""

from __future__ import annotations

from lpmdsl.runtime.calibration.outcome import Calibrated
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source


def calibration_page(model: Model, source: Source, result: Calibrated) -> str:
    """The whole page as text."""
    return ""
