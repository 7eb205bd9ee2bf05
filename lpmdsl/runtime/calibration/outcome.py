"""The result of a calibration: ArviZ's record of it, the summary in ``calibration.json``, and whether to believe it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import Calibration, Estimate, Method, Reproduced
from lpmdsl.escaping import json_number
from lpmdsl.extras import optional
from lpmdsl.runtime.calibration.model_checks.doubts import checked, doubts, few_curves
from lpmdsl.runtime.calibration.model_checks.identification import notes_on
from lpmdsl.runtime.calibration.model_checks.predict import PREDICT, Predictive, scores
from lpmdsl.runtime.calibration.posterior import Posterior
from lpmdsl.runtime.calibration.priors import Free
from lpmdsl.runtime.calibration.problem import Problem, keyed
from lpmdsl.runtime.manifest import now, prior_text, versions
from lpmdsl.runtime.reports.cells import calibration_html

if TYPE_CHECKING:
    from arviz import InferenceData

Array = NDArray[np.float64]
AGREES = 1.01
EFFECTIVE_SIZE = 100
"""R-hat and effective draws of each chain at which its quantiles can be trusted (Vehtari et al. 2021, Bayesian Anal
16:667)."""
TOO_NOISY = 3.0
"""Standard deviation of the log likelihood beyond which a chain sticks to estimates that are too high."""
POSTERIOR_NAME = "posterior.nc"


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Result of ``m.calibrate``.

    ``record`` is ``calibration.json``; ``posterior`` an ``arviz.InferenceData``, parameters in their own units;
    ``folder``: where they were written.
    """

    record: Calibration
    posterior: InferenceData
    problem: Problem
    predictive: Predictive | None
    history: tuple[tuple[str, Array], ...]
    folder: Path | None = None

    @property
    def converged(self) -> bool:
        """Return True if there is no reason to doubt the numbers."""
        return self.record.converged

    def _repr_html_(self) -> str:
        return calibration_html(self.record)


def calibrated(problem: Problem, method: Method, found: Posterior, predictive: Predictive | None,
               r0: dict[str, Reproduced], sha256: str, seconds: float, started: str) -> Calibrated:  # fmt: skip
    """The result of whatever method, with its diagnostics and its verdict."""
    data = inference_data(problem, found, predictive)
    has_draws = found.draws.size > 0
    parameters = {f.name: _estimate(problem, f, k, found) for k, f in enumerate(problem.free) if has_draws}
    scored = scores(problem, predictive) if predictive else ()
    checks = checked(problem, predictive) if predictive else ()
    reasons = tuple(
        [*_reasons(problem, found, parameters, predictive)]
        + (doubts(problem, predictive, scored, checks) if predictive else [])
    )
    notes = (*found.notes, *notes_on(problem, found), *(few_curves(problem, predictive) if predictive else ()))
    plan = problem.repeats.plan
    record = Calibration(
        model=problem.model.name, version=problem.model.version, sha256=sha256,
        versions={**versions(), **_more_versions(method)}, method=method, seed=problem.options.seed,
        chains=found.draws.shape[0], draws=found.draws.shape[1], replicates=found.replicates,
        agents={a.name: plan.counts.get(a.name, a.count or 0) for a in problem.model.agents},
        settings=problem.fixed, converged=not reasons, reasons=reasons, notes=notes, parameters=parameters,
        r0=r0,
        correlations=_correlations(problem, found),
        networks={family: dict(weights) for family, weights in found.networks.items()},
        log_likelihood=json_number(predictive.log_likelihood) if predictive else None,
        log_likelihood_sd=json_number(predictive.spread) if predictive else None,
        acceptance=found.acceptance, certificate=found.certificate,
        scores=scored, checks=checks,
        runs=found.runs + (predictive.runs if predictive else 0), seconds=round(seconds, 3), started=started,
        finished=now(), complete=not found.stopped, stopped=found.stopped,
    )  # fmt: skip
    return Calibrated(record, data, problem, predictive, found.history)


# ------------------------------------------------------------------ the numbers


def in_own_unit(free: Free, z: Array) -> Array:
    """Values of a parameter in the unit that the model writes it in."""
    return np.asarray(free.value(z), np.float64) / free.parameter.scale


def _estimate(problem: Problem, free: Free, k: int, found: Posterior) -> Estimate:
    values = in_own_unit(free, found.draws[..., k])
    low_95, low_50, median, high_50, high_95 = np.quantile(values, [0.025, 0.25, 0.5, 0.75, 0.975])
    r_hat = bulk = tail = None
    if values.shape[1] >= 4 and values.shape[0] >= 2:
        az = optional("arviz")
        r_hat, bulk, tail = (
            json_number(float(v))
            for v in (az.rhat(values), az.ess(values, method="bulk"), az.ess(values, method="tail"))
        )
    return Estimate(
        unit=free.parameter.unit, median=float(median), mean=float(values.mean()), sd=float(values.std()),
        low_50=float(low_50), high_50=float(high_50), low_95=float(low_95), high_95=float(high_95),
        prior=prior_text(free.prior), r_hat=r_hat, ess_bulk=bulk, ess_tail=tail,
    )  # fmt: skip


def _correlations(problem: Problem, found: Posterior) -> dict[str, dict[str, float]]:
    flat = found.draws.reshape(-1, len(problem.free))
    if len(flat) < 3:
        return {}
    values = np.stack([in_own_unit(f, flat[:, k]) for k, f in enumerate(problem.free)])
    with np.errstate(invalid="ignore"):
        table = np.nan_to_num(np.atleast_2d(np.corrcoef(values)))
    return {a: {b: float(table[i, j]) for j, b in enumerate(problem.names)} for i, a in enumerate(problem.names)}


def _more_versions(method: Method) -> dict[str, str]:
    from importlib.metadata import version

    more = {"neural posterior": ("sbi",), "search": ("optuna",)}.get(method, ())
    return {name: version(name) for name in ("arviz", "scoringrules", *more)}


# ------------------------------------------------------------------ the verdict


def _reasons(
    problem: Problem, found: Posterior, parameters: dict[str, Estimate], predictive: Predictive | None
) -> list[str]:  # fmt: skip
    """Reasons not to believe the numbers, in words; nothing if there is no reason."""
    reasons = [f"it was stopped: {found.stopped}"] if found.stopped else []
    reasons += found.doubts
    for name, e in parameters.items():
        if e.r_hat is None or e.ess_bulk is None or e.ess_tail is None:
            reasons.append(f"there are too few draws of `{name}` to tell: give more with --draws")
            continue
        if e.r_hat > AGREES and not found.independent:  # draws of one density agree but for chance
            reasons.append(
                f"the chains do not agree on `{name}`: R-hat is {e.r_hat:.3f}, and {AGREES} is "
                f"wanted; {_longer(found, 2.0)}"
            )
        wanted, ess = EFFECTIVE_SIZE * problem.options.chains, min(e.ess_bulk, e.ess_tail)
        if ess < wanted:
            reasons.append(
                f"the effective sample size of `{name}` is only {ess:.0f}; {wanted} are "
                f"wanted: {_longer(found, wanted / max(ess, 1.0))}"
            )
    if predictive is not None and not found.independent and not predictive.spread < TOO_NOISY:
        reasons.append(f"the estimate of the log likelihood varies by {predictive.spread:.1f} between sets of "
                       f"{found.replicates} replicates: --replicates must be larger")  # fmt: skip
    return reasons


def _longer(found: Posterior, times: float) -> str:
    """The next thing to do where the effective sample size is too small."""
    if found.independent:
        return f"run it with --replicates {2 * found.replicates}, which makes the likelihood less noisy"
    draws = math.ceil(min(times, 100.0) * 1.2 * found.draws.shape[1] / 100) * 100
    return f"go on with --resume --draws {draws}"


# ------------------------------------------------------------------ ArviZ


def inference_data(problem: Problem, found: Posterior, predictive: Predictive | None) -> Any:
    """Draws, prior, predictive and data as ``arviz.InferenceData``; parameters in their own units."""
    az = optional("arviz")
    groups: dict[str, Any] = {
        "prior": _prior(problem),
        "observed_data": {_name(problem, k): p.data.values for k, p in enumerate(problem.pieces)},
    }
    if found.draws.size:
        drawn = {f.name: in_own_unit(f, found.draws[..., k]) for k, f in enumerate(problem.free)}
        groups |= {"posterior": drawn, "sample_stats": {"estimated_log_likelihood": found.log_likelihood}}
    if predictive is not None and len(predictive.data):
        groups["posterior_predictive"] = {
            _name(problem, k): predictive.data[None, :, p.at].reshape(1, -1, *p.data.values.shape)
            for k, p in enumerate(problem.pieces)
        }
    dims = {_name(problem, k): [f"time_{k}", f"group_{k}"] for k in range(len(problem.pieces))}
    coords: dict[str, Any] = {f"time_{k}": p.data.times for k, p in enumerate(problem.pieces)}
    coords |= {f"group_{k}": list(p.data.groups) for k, p in enumerate(problem.pieces)}
    made = az.from_dict(**groups, dims=dims, coords=coords)
    for f in problem.free if found.draws.size else ():
        made.posterior[f.name].attrs["unit"] = f.parameter.unit
    return made


def _name(problem: Problem, k: int) -> str:
    """The observation's name; numbered where it is fitted more than once."""
    names = [p.data.fit.observation for p in problem.pieces]
    return names[k] if names.count(names[k]) == 1 else f"{names[k]}_{k + 1}"


def _prior(problem: Problem) -> dict[str, Array]:
    drawn = problem.prior_draws(lambda k: keyed(problem.options.seed, PREDICT, 10**6, k), 2000)
    return {f.name: drawn[None, :, k] / f.parameter.scale for k, f in enumerate(problem.free)}
