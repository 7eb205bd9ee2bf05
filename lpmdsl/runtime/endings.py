"""Words on when the clock's ``until`` ended the replicates of a run."""

from __future__ import annotations

from lpmdsl.config import Manifest
from lpmdsl.runtime.quantiles import median


def ending_lines(manifest: Manifest) -> list[str]:
    """``baseline: ended after 83 days``, ``3 of 4 replicates ended, after 61 to 93 days``; [] without ``until``."""
    several = len(manifest.ended_after) > 1
    return [
        f"{scenario}: {_told(steps, manifest.step_days)}" if several else _told(steps, manifest.step_days)
        for scenario, steps in manifest.ended_after.items()
    ]


def _told(steps: list[int | None], step_days: float) -> str:
    days = sorted(step * step_days for step in steps if step is not None)
    if not days:
        return "not ended early"
    if len(steps) == 1:
        return f"ended after {days[0]:g} days"
    many = "all" if len(days) == len(steps) else f"{len(days)} of {len(steps)}"
    return f"{many} replicates ended early, after {days[0]:g} to {days[-1]:g} days (median {median(days):g})"
