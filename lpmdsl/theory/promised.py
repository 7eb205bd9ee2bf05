"""``check R0 of … between … and …``: worked out before a run, at the values that the parameters have; and whether the
steps of the clock are short enough for how fast the outbreak grows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.semantics import model as m
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.theory.reproduction import Growth, Reproduction, lost_growth, r0_of, reproduction, samples_of

TOO_SLOW = 0.1
"""Share of the growth that may be lost to long steps before a note says so."""
NEARLY = 0.02
"""Share of growth that may still be lost with the step that the note proposes."""
_STEPS = {"12 hours": 1 / 2, "6 hours": 1 / 4, "3 hours": 1 / 8, "1 hour": 1 / 24, "15 minutes": 1 / 96}


def check_r0(model: m.Model, parameters: Mapping[str, float], report: Report) -> None:
    """Report every promised R0 that lies outside (E0908). What cannot be worked out without a run is left to it."""
    for promise in (c for c in model.checks if isinstance(c, m.CheckQuantity) and c.quantity == "R0"):
        condition = model.condition(promise.of)
        try:
            samples = samples_of(model, condition, parameters)
            slow = lost_growth(model, condition, parameters, TOO_SLOW, samples)
        except ValueError:
            continue
        if slow is not None:
            tell_steps(model, slow, report)
        scope = Scope(model, parameters, idle=True)
        low = float(evaluate(promise.low, scope)) if promise.low is not None else 0.0
        high = float(evaluate(promise.high, scope))
        if not low <= r0_of(samples) <= high:
            found = reproduction(model, condition, parameters, samples=samples)
            networks = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found.by_network.items())
            report.add(
                "E0908",
                f"R0 of {promise.of} is {found.told} ({networks}), promised between {low:g} and {high:g}.",
                promise.span,
                "Change what spreads it or the promise; `lpmc analyse` shows what R0 is made of.",
            )


def check_steps(model: m.Model, parameters: Mapping[str, float], report: Report) -> None:
    """Report steps that are long for an outbreak (N0721) of any condition, promised or not; one note is enough.

    Nothing is said where people or ties come from files, which a run alone reads; ``lpmc analyse`` reads them.
    """
    if any(a.file for a in model.agents) or any(n.file for n in model.networks):
        return
    for condition in model.conditions:
        if any(d.code == "N0721" for d in report.diagnostics):
            return
        if model.is_passed_on(condition.name):
            with suppress(ValueError, LpmError):  # what cannot be worked out, or made, is reported by the run itself
                found = lost_growth(model, condition, parameters, TOO_SLOW)
                if found is not None:
                    tell_steps(model, found, report)


def tell_steps(model: m.Model, found: Growth | Reproduction, report: Report) -> None:
    """Report a growth of which the steps of the clock take too large a share (N0721)."""
    lost = 1 - found.growth_in_steps / found.growth if 0 < found.growth < math.inf else 0.0
    step = model.clock.step
    if not lost > TOO_SLOW:
        return
    # What is lost goes with the square of the step.
    wanted = step * math.sqrt(NEARLY / lost)
    words = next((w for w, days in _STEPS.items() if days <= wanted), "1 minute")
    report.add(
        "N0721",
        f"In steps as long as these {found.condition} grows by {found.growth_in_steps:.3g} per day; in short ones it "
        f"would by {found.growth:.3g}. Of the generations that fall into one step the first two are counted in it.",
        model.clock.span,
        f"With `step {words}` nearly nothing is lost. What is fitted to data makes up for it: R0 comes out too high.",
    )
