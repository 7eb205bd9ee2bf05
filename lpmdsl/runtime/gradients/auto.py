"""``auto``: which estimator serves which parameter, so that a gradient costs at most four runs of every replicate, or
twelve for three parameters; and two more for every time that a response is found to bend.

A few parameters are taken one after the other by differences: four runs of every replicate each. Many are moved spread
over the replicates (``runtime.gradients.random_directions``): two runs of every replicate for all. The score takes less
than two for all as well; its error does not fall with the number of people as that of differences does, but in small
populations it is the smaller one, so it is tried on a few replicates. Where it is taken, the differences are its
certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import fail
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.finite_differences import UNCHANGED, Certificate, Slope, standard_error
from lpmdsl.runtime.gradients.gradient_check import certify, is_convicted, probe, size
from lpmdsl.runtime.gradients.random_directions import Spread, can_spread, held_to, spread
from lpmdsl.runtime.gradients.score.gradient import FEWEST, ByScore, by_score
from lpmdsl.source import Source, Span

Array = NDArray[np.float64]
Values = Mapping[str, float]

ESTIMATORS = ("auto", "differences", "spread", "score", "relaxation", "surrogate")
FEW = 3
"""Up to so many parameters are taken one after the other: four runs of every replicate each."""
RUNS = 4
TRIED = 4
"""The score is tried on one replicate of so many, and ``FEWEST`` at least."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """``slopes``: what has been found; the other parameters are left to differences, one after the other.

    ``estimator``: of each slope, ``why``: in words, for every parameter.
    """

    slopes: dict[str, Slope] = field(default_factory=dict)
    estimator: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def but(self, other: Chosen) -> Chosen:
        """The same with what another has found in place of it."""
        return Chosen(self.slopes | other.slopes, self.estimator | other.estimator, self.why | other.why)


def check_estimator(estimator: str) -> None:
    """Raises ``LpmError`` (E0841) for an estimator that does not exist."""
    if estimator not in ESTIMATORS:
        place = Span(Source("--estimator", estimator), 0, len(estimator))
        raise fail("E0841", f"There is no estimator `{estimator}`.", place, f"There are {', '.join(ESTIMATORS)}.")


def choose(repeats: Repeats, names: tuple[str, ...], values: Values, estimator: str) -> Chosen:
    """Estimator of each parameter. Raises ``LpmError`` (E0845) if the score was asked for and can serve none."""
    if estimator == "differences":
        return Chosen(why=dict.fromkeys(names, "asked for"))
    if estimator == "score":
        return _asked_for(by_score(repeats, names), values)
    if estimator == "auto" and len(names) <= FEW:
        few = f"they take {RUNS} runs for each of {len(names)} parameters, and nothing has to be compiled anew"
        return Chosen(why=dict.fromkeys(names, few))
    alone = Chosen(why=dict.fromkeys(names, "it cannot be moved with others: people are drawn with it, it is computed "
                                            "from others, at a limit, or there are too few replicates"))  # fmt: skip
    settings = repeats.free(values)
    together = can_spread(repeats, names, settings)
    if estimator == "spread":
        return alone.but(_by_spread(spread(repeats, together, settings))) if together else alone
    scored = by_score(repeats, names)
    may_score = len(scored.names) > FEW and repeats.plan.options.replicates >= FEWEST
    if not together:
        return alone.but(_by_score(scored, values, None, None)) if may_score else alone
    found = spread(repeats, together, settings)
    ratio = _ratio(scored, found, values) if may_score else np.inf
    if ratio < 1:
        return alone.but(_by_spread(found, ratio)).but(_by_score(scored, values, found, ratio))
    return alone.but(_by_spread(found, ratio))


# ------------------------------------------------------------------ by the score


def _asked_for(scored: ByScore, values: Values) -> Chosen:
    why = {n: f"the score does not see it: {reason}" for n, reason in scored.refused.items()}
    if not scored.names:
        told = "; ".join(f"`{n}`: {reason}" for n, reason in scored.refused.items())
        place = Span(Source("--estimator", "score"), 0, len("score"))
        raise fail("E0845", f"The score serves none of these parameters. {told}.", place,
                   "Use `differences`, or `auto`.")  # fmt: skip
    repeats, replicates = scored.repeats, scored.repeats.plan.options.replicates
    each, early = scored.each_and_early(values, replicates)
    tested = probe(repeats, scored.names, values, replicates, repeats.plan.options.seed)
    served, more = _finite(scored.names, each)
    found = _slopes(served, certify(each, tested, "the score", early), "asked for")
    return Chosen(why=why | more).but(found)


def _slopes(served: Mapping[str, Array], certificate: Certificate, why: str) -> Chosen:
    """``served``: ĝ of every replicate."""
    slopes = {n: Slope(float(e.mean()), standard_error(e), 0.0, certificate) for n, e in served.items()}
    return Chosen(slopes, dict.fromkeys(served, "score"), dict.fromkeys(served, why))


def _finite(names: tuple[str, ...], each: Array) -> tuple[dict[str, Array], dict[str, str]]:
    """The parameters whose score is a number, and what is said of the others."""
    served = {n: each[:, k] for k, n in enumerate(names) if np.isfinite(each[:, k]).all()}
    words = "the score has no value where a probability or a factor is 0 or 1"
    return served, {n: words for n in names if n not in served}


def _by_score(scored: ByScore, values: Values, found: Spread | None, ratio: float | None) -> Chosen:
    """Nothing where the score has no value; where it is convicted, why it was left."""
    repeats, options = scored.repeats, scored.repeats.plan.options
    each, early = scored.each_and_early(values, options.replicates)
    served, more = _finite(scored.names, each)
    if more:
        return Chosen(why=dict.fromkeys(scored.names, next(iter(more.values()))))
    if found is not None:
        certificate = held_to(found, {n: float(e.mean()) for n, e in served.items()}, "the score")
    else:
        tested = probe(repeats, scored.names, values, options.replicates // RUNS, options.seed)
        certificate = certify(each, tested, "the score", early)
    if is_convicted(certificate):
        return Chosen(why=dict.fromkeys(scored.names, f"switched to differences: {certificate.words}"))
    return _slopes(served, certificate, _words(len(served), "differences", ratio))


# ------------------------------------------------------------------ by differences that are spread


def _by_spread(found: Spread, ratio: float | None = None) -> Chosen:
    slopes = {n: Slope(float(g), float(e), 0.0, found.certificate if e > 0 or g != 0 else UNCHANGED)
              for n, g, e in zip(found.names, found.gradient, found.se, strict=True)}  # fmt: skip
    why = _words(len(slopes), "the score", ratio)
    return Chosen(slopes, dict.fromkeys(slopes, "spread"), dict.fromkeys(slopes, why))


def _ratio(scored: ByScore, found: Spread, values: Values) -> float:
    """The error variance of the score over that of the differences, for the same replicates, elasticities added up
    over the parameters that both serve: who asks for many wants to know the large ones. From a few replicates of the
    score."""
    replicates = scored.repeats.plan.options.replicates
    each = scored.each(values, min(replicates, max(FEWEST, replicates // TRIED)))
    both = [n for n in scored.names if n in found.names]
    if not both or not np.isfinite(each).all():
        return np.inf
    sizes = np.array([size(scored.repeats.model, n, values[n]) for n in both])
    own = sizes**2 * each[:, [scored.names.index(n) for n in both]].var(axis=0, ddof=1) / replicates
    other = (sizes * found.se[[found.names.index(n) for n in both]]) ** 2
    return float(own.sum() / other.sum()) if own.any() and other.any() else np.inf


def _words(count: int, other: str, ratio: float | None) -> str:
    """``ratio``: of the two variances."""
    price = f"two runs of every replicate serve all of {count} parameters"
    if ratio is None or not np.isfinite(ratio):
        return price
    times = max(ratio, 1 / ratio)
    shown = f"{times:.2g} times" if times < 1e4 else "many times"
    return f"{price}; {other} would take {shown} as long for the same error"
