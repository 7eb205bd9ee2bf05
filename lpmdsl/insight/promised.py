"""``check R0 of … between … and …``: worked out before a run, at the values that the parameters have."""

from __future__ import annotations

from collections.abc import Mapping

from lpmdsl.diagnostics import Report
from lpmdsl.insight.reproduction import reproduction
from lpmdsl.semantics import model as m
from lpmdsl.semantics.evaluate import Scope, evaluate


def check_r0(model: m.Model, parameters: Mapping[str, float], report: Report) -> None:
    """Report every promised R0 that lies outside (E0908). What cannot be worked out without a run is left to it."""
    for promise in (c for c in model.checks if isinstance(c, m.CheckQuantity) and c.quantity == "R0"):
        try:
            found = reproduction(model, model.condition(promise.of), parameters)
        except ValueError:
            continue
        scope = Scope(model, parameters)
        low = float(evaluate(promise.low, scope)) if promise.low is not None else 0.0
        high = float(evaluate(promise.high, scope))
        if not low <= found.value <= high:
            networks = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found.by_network.items())
            report.add(
                "E0908",
                f"R0 of {promise.of} is {found.value:.3g} ({networks}), promised between {low:g} and {high:g}.",
                promise.span,
                "Change what spreads it or the promise; `lpmc analyse` shows what R0 is made of.",
            )
