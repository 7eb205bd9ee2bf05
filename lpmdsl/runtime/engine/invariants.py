"""``check always``: whether the model kept its promises in every step of a run."""

from __future__ import annotations

import numpy as np

from lpmdsl.backends.request import RunResult
from lpmdsl.diagnostics import Report
from lpmdsl.runtime.scenarios import Variant
from lpmdsl.semantics.host.calendar import moment_text
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import CheckAlways, Model


def watch(
    model: Model, variant: Variant, counts: dict[str, int], replicate: int, result: RunResult, report: Report
) -> None:
    """Reports (E0820) the first step of this replicate at which each ``check always`` is broken."""
    scope = Scope(model, variant.parameters, counts=counts)
    checks = [c for c in model.checks if isinstance(c, CheckAlways)]
    for check, values in zip(checks, result.watches, strict=True):
        seen = values[: result.steps_done + 1]
        broken = np.flatnonzero(_broken(check, seen, scope))
        if len(broken):
            step = int(broken[0])
            report.add(
                "E0820",
                f"This does not hold at {moment_text(model.clock, step)} of {variant.name}, replicate {replicate}"
                f"{_value(check, float(seen[step]))}.",
                check.span,
                help="The results are kept. Look at the steps before it, or correct the model or the check.",
            )


def _broken(check: CheckAlways, values: np.ndarray, scope: Scope) -> np.ndarray:
    """Per step, whether the promise fails; a value that does not exist yet (NaN) breaks nothing."""
    if check.low is None and check.high is None:
        return values == 0.0
    broken = np.zeros(len(values), dtype=bool)
    if check.low is not None:
        broken |= values < float(evaluate(check.low, scope))
    if check.high is not None:
        broken |= values > float(evaluate(check.high, scope))
    return broken


def _value(check: CheckAlways, value: float) -> str:
    return "" if check.low is None and check.high is None else f": the value is {value:.6g}"
