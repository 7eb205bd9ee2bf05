"""``auto``: the score or differences, by what each costs for the same error, measured on a few replicates.

Differences take four runs of every replicate for each parameter; the score takes little more than one for all, but its
error does not hang together between neighbouring values of a parameter. Which is better hangs on the model, so both are
tried: the score on all replicates that are asked for, differences along random directions on some of them. The same
differences are the certificate of the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.differences import Certificate
from lpmdsl.runtime.directions import Probe, certify, is_convicted, probe
from lpmdsl.runtime.gradient_by_score import ByScore, by_score
from lpmdsl.runtime.repeats import Repeats
from lpmdsl.source import Source, Span

Array = NDArray[np.float64]

ESTIMATORS = ("auto", "differences", "score", "relaxation", "surrogate")
FEW = 3
"""Up to so many parameters differences are taken without a trial: four runs each, and nothing to compile anew."""
RUNS = 4
LONGER = 1.5
"""How much longer a run takes that keeps the ledger (``python -m benchmarks.gradients --cost``)."""
PROBED = 20
"""Replicates on which differences are tried; the certificate may take all."""
NONE = Certificate(False, float("nan"), float("nan"), float("nan"), "not tested")


@dataclass(frozen=True, slots=True)
class Chosen:
    """``each``: ĝ of every replicate, for the parameters that the score serves. ``why``: in words, for every one."""

    each: dict[str, Array]
    certificate: Certificate
    why: dict[str, str]


def check_estimator(estimator: str) -> None:
    """Raises ``LpmError`` (E0841) for an estimator that does not exist."""
    if estimator not in ESTIMATORS:
        place = Span(Source("--estimator", estimator), 0, len(estimator))
        raise fail("E0841", f"There is no estimator `{estimator}`.", place, f"There are {', '.join(ESTIMATORS)}.")


def choose(repeats: Repeats, names: tuple[str, ...], values: Mapping[str, float], estimator: str) -> Chosen:
    """What estimates which parameter. Raises ``LpmError`` (E0845) if the score was asked for and can serve none."""
    if estimator == "differences":
        return Chosen({}, NONE, dict.fromkeys(names, "asked for"))
    scored = by_score(repeats, names)
    why = {n: f"the score does not see it: {reason}" for n, reason in scored.refused.items()}
    if estimator == "score":
        return _by_score(scored, values, why)
    if len(scored.names) <= FEW:
        few = f"they take {RUNS} runs for each of {len(scored.names)} parameters, and nothing has to be compiled anew"
        return Chosen({}, NONE, {**dict.fromkeys(scored.names, few), **why})
    return _tried(scored, values, why)


def _by_score(scored: ByScore, values: Mapping[str, float], why: dict[str, str]) -> Chosen:
    if not scored.names:
        told = "; ".join(f"`{n}`: {reason}" for n, reason in scored.refused.items())
        place = Span(Source("--estimator", "score"), 0, len("score"))
        raise fail("E0845", f"The score serves none of these parameters. {told}.", place,
                   "Use `differences`, or `auto`.")  # fmt: skip
    repeats, replicates = scored.repeats, scored.repeats.plan.options.replicates
    each, early = scored.each_and_early(values, replicates)
    tested = probe(repeats, scored.names, values, replicates, repeats.plan.options.seed)
    served, more = _finite(scored.names, each)
    certificate = certify(each, tested, "the score", early)
    return Chosen(served, certificate, {**why, **dict.fromkeys(served, "asked for"), **more})


def _finite(names: tuple[str, ...], each: Array) -> tuple[dict[str, Array], dict[str, str]]:
    """The parameters whose score is a number, and what is said of the others."""
    served = {n: each[:, k] for k, n in enumerate(names) if np.isfinite(each[:, k]).all()}
    words = "the score has no value where a probability or a factor is 0 or 1"
    return served, {n: words for n in names if n not in served}


def _tried(scored: ByScore, values: Mapping[str, float], why: dict[str, str]) -> Chosen:
    """Both, and that whose error costs less, unless the certificate convicts it."""
    repeats, replicates = scored.repeats, scored.repeats.plan.options.replicates
    each, early = scored.each_and_early(values, replicates)
    served, more = _finite(scored.names, each)
    if more:
        return Chosen({}, NONE, {**why, **dict.fromkeys(scored.names, next(iter(more.values())))})
    tested = probe(repeats, scored.names, values, min(PROBED, replicates), repeats.plan.options.seed)
    ratio = cost(scored.names, each, tested)
    if ratio > 1:
        return Chosen({}, NONE, {**why, **dict.fromkeys(scored.names, _words(len(scored.names), ratio))})
    certificate = certify(each, tested, "the score", early)
    if not certificate.holds and not is_convicted(certificate) and replicates > PROBED:
        tested = probe(repeats, scored.names, values, replicates, repeats.plan.options.seed)
        certificate = certify(each, tested, "the score", early)
    if is_convicted(certificate):
        switched = f"switched to differences: {certificate.words}"
        return Chosen({}, certificate, {**why, **dict.fromkeys(scored.names, switched)})
    return Chosen(served, certificate, {**why, **dict.fromkeys(served, _words(len(served), ratio))})


def cost(names: tuple[str, ...], each: Array, tested: Probe) -> float:
    """How many times as long the score takes as differences for the same error, in the mean over directions."""
    own = float(np.mean([(each @ d).var(ddof=1) for d in tested.directions]))
    other = float(tested.slopes.var(axis=0, ddof=1).mean())
    return own * LONGER / max(other * RUNS * len(names), 1e-300)


def _words(count: int, ratio: float) -> str:
    better, times = ("the score", 1 / ratio) if ratio <= 1 else ("differences", ratio)
    shown = f"{times:.2g} times" if times < 1e4 else "many times"
    other = "differences" if ratio <= 1 else "the score"
    return f"for these {count} parameters {other} would take {shown} as long as {better} for the same error"
