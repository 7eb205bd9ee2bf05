"""Dwell times as stages, a second time: moments, then chains, in torch. See ``docs/numerics.md``, the relaxation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from lpmdsl.semantics import model as m

Tensor = torch.Tensor
LONGEST = 59
"""Stages at most; one more may stand before them."""


@dataclass(frozen=True, slots=True)
class Stages:
    """``leaves``: (agents or 1,). ``within``, ``at_boundary``: (agents or 1, stages), where one enters.

    ``misses``: (agents or 1,), the part of a step that one who leaves in it does not cover. ``hazard``: of a step, of
    an exponential law, which is no chain.
    """

    leaves: Tensor
    within: Tensor
    at_boundary: Tensor
    misses: Tensor
    hazard: Tensor | None


def stages(law: m.Distribution, arguments: dict[str, Tensor], model: m.Model, timed: bool = False) -> Stages:
    """The chain of a dwell time whose arguments are scalars or one a agent. ``timed``: on the way to a source."""
    wide = max((a.numel() for a in arguments.values()), default=1)
    each = [{k: a if a.dim() == 0 else a[i] for k, a in arguments.items()} for i in range(wide)]
    rows = [_chain(law, a, model, timed) for a in each]
    longest = max(len(within) for _, within, _, _ in rows)
    hazard = None
    if law.family == "exponential":
        hazard = torch.stack([model.clock.step / _mean_and_variance(law, a, model)[0] for a in each])

    def padded(entry: list[Tensor]) -> Tensor:
        nothing = [torch.zeros((), dtype=torch.float64)] * (longest - len(entry))
        return torch.stack([*nothing, *entry])

    return Stages(torch.stack([r[0] for r in rows]), torch.stack([padded(r[1]) for r in rows]),
                  torch.stack([padded(r[2]) for r in rows]), torch.stack([r[3] for r in rows]), hazard)  # fmt: skip


def _mean_and_variance(law: m.Distribution, a: dict[str, Tensor], model: m.Model) -> tuple[Tensor, Tensor]:
    if law.family == "exponential":
        mean = a["mean"] if "mean" in a else 1 / a["rate"]
        return mean, mean * mean
    if law.family == "hypoexponential":
        return a["mean"] + a["mean 2"], a["mean"] ** 2 + a["mean 2"] ** 2
    if law.family == "fixed":
        return a["value"], 0 * a["value"]
    if law.family == "uniform":
        return (a["min"] + a["max"]) / 2, (a["max"] - a["min"]) ** 2 / 12
    if law.family == "triangular":
        rise, fall = a["mode"] - a["low"], a["high"] - a["mode"]
        return a["mode"] + (fall - rise) / 3, (rise * rise + rise * fall + fall * fall) / 18
    if law.family == "empirical":
        table = model.table(law.table or "")
        days = torch.tensor([float(k) for k in table.keys[0]], dtype=torch.float64)
        p = torch.tensor(table.values, dtype=torch.float64)
        p = p / p.sum()
        return (p * days).sum(), (p * days**2).sum() - (p * days).sum() ** 2
    if "sd" in a:
        return a["mean"], a["sd"] ** 2
    if law.family in ("gamma", "erlang"):
        mean = a["shape"] * a["scale"] if "scale" in a else a["mean"] if "mean" in a else a["shape"] / a["rate"]
        return mean, mean * mean / a["shape"]
    if law.family == "lognormal":
        s2 = torch.log(a["spread"]) ** 2
        mean = a["median"] * torch.exp(s2 / 2)
        return mean, mean**2 * torch.expm1(s2)
    shape = a["k"] if "k" in a else a["shape"]  # Weibull
    first, second = (torch.exp(torch.lgamma(1 + j / shape)) for j in (1, 2))
    scale = a["scale"] if "scale" in a else a["mean"] / first
    return scale * first, scale**2 * (second - first**2)


def _chain(
    law: m.Distribution, a: dict[str, Tensor], model: m.Model, timed: bool
) -> tuple[Tensor, list[Tensor], list[Tensor], Tensor]:  # fmt: skip
    """The leaving probability, where one enters from within a step and at a boundary, and what who leaves misses."""
    one, none = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    mean, variance = _mean_and_variance(law, a, model)
    mean, variance = mean / model.clock.step, variance / model.clock.step**2
    if law.family == "exponential":
        leaves = 1 - torch.exp(-1 / mean)
        return leaves, [mean * leaves], [one], none
    whole = law.family in ("fixed", "empirical")
    part = mean - math.floor(float(mean.detach()))
    least = part * (1 - part)
    variance = variance + least if whole else variance + 1 / 6
    variance = variance if float(variance.detach()) > float(least.detach()) else least
    wait = math.ceil(float(mean.detach()) - 1e-9) - mean if whole and not timed else 0.5 * one
    length = mean**2 / (variance + mean)
    if float(length.detach()) <= 1:
        leaves = 2 * mean / (variance + mean**2 + mean)
        extra = (mean + wait) * leaves - 1
        later = torch.clamp(extra, min=0.0, max=1.0)
        # From a boundary one stays later / leaves longer than the stage; all but the mean of it is missed.
        misses = (1 + later) / leaves - mean
        return leaves, [none, mean * leaves], [later, 1 - later], torch.clamp(misses, max=1.0)
    length = length if float(length.detach()) < LONGEST else LONGEST * one
    leaves = length / mean
    stages_ = math.ceil(float(length.detach()) - 1e-9)
    longer = length - (stages_ - 1)
    chain = [none, *([longer, 1 - longer] if stages_ > 1 else [one]), *([none] * max(0, stages_ - 2))]
    later = leaves * wait
    later = later if float(later.detach()) < 1 else one
    moved = [*chain[1:], none]
    return leaves, chain, [c * (1 - later) + n * later for c, n in zip(chain, moved, strict=True)], wait
