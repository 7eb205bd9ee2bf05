"""Log densities, priors and transforms against scipy and against each other."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from lpmdsl.distributions.table import frozen, law
from lpmdsl.quantities import NUMBER
from lpmdsl.runtime.calibration.densities import draw, log_density
from lpmdsl.runtime.calibration.methods.gradient import TORCH
from lpmdsl.runtime.calibration.priors import Free
from lpmdsl.semantics.model import Distribution, Literal_, Parameter
from lpmdsl.source import NOWHERE

ROOT = Path(__file__).parent.parent.parent
EXPECTED, SEEN = np.array([0.2, 3.0, 40.0, 700.0]), np.array([0.0, 5.0, 31.0, 650.0])
FAMILIES = {
    "poisson": ({}, lambda m: stats.poisson(m)),
    "negative_binomial": ({"dispersion": 4.0}, lambda m: stats.nbinom(4.0, 4.0 / (4.0 + m))),
    "normal": ({"sd": 7.0}, lambda m: stats.norm(m, 7.0)),
    "lognormal": ({"spread": 1.4}, lambda m: stats.lognorm(math.log(1.4), scale=m)),
    "binomial": ({"trials": 800.0}, lambda m: stats.binom(800, m / 800)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_log_densities_are_those_of_scipy_and_of_torch(family: str) -> None:
    a, twin = FAMILIES[family]
    seen = SEEN + 1.0 if family == "lognormal" else SEEN
    frozen_law = twin(EXPECTED)
    wanted = frozen_law.logpdf(seen) if hasattr(frozen_law.dist, "logpdf") else frozen_law.logpmf(seen)
    ours = log_density(family, a, EXPECTED, seen)
    assert np.allclose(ours, wanted, rtol=1e-10)
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in a.items()}
    theirs = log_density(family, tensors, torch.tensor(EXPECTED), torch.tensor(seen), ops=TORCH)
    assert np.allclose(theirs.numpy(), ours, rtol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_draws_have_their_means(family: str) -> None:
    """|z| < 4 over 20 000 draws at 40 (of a lognormal: of the logarithm)."""
    a, _ = FAMILIES[family]
    drawn = draw(family, a, np.full(20_000, 40.0), np.random.default_rng(5))
    drawn, mean = (np.log(drawn), math.log(40)) if family == "lognormal" else (drawn, 40.0)
    assert abs(drawn.mean() - mean) < 4 * drawn.std() / math.sqrt(20_000)


def test_shares_are_a_binomials_probability_and_nobody_is_not_impossible() -> None:
    share = log_density("binomial", {"trials": 50.0}, np.array([0.3]), np.array([12.0]), is_share=True)
    assert share == pytest.approx(stats.binom(50, 0.3).logpmf(12))
    assert log_density("binomial", {"trials": 10.0}, np.array([5.0]), np.array([11.0]))[0] == -math.inf
    for family in ("poisson", "negative_binomial"):
        assert math.isfinite(log_density(family, {"dispersion": 3.0}, np.array([0.0]), np.array([2.0]))[0])


@pytest.mark.parametrize(
    ("family", "a"),
    [
        ("exponential", {"mean": 3.0}), ("exponential", {"rate": 0.2}), ("gamma", {"mean": 5.0, "sd": 2.0}),
        ("gamma", {"shape": 3.0, "scale": 2.0}), ("gamma", {"shape": 3.0, "rate": 0.5}),
        ("gamma", {"shape": 2.0, "mean": 4.0}), ("erlang", {"mean": 5.0, "shape": 3.0}),
        ("lognormal", {"median": 2.0, "spread": 1.5}), ("lognormal", {"mean": 2.0, "sd": 1.0}),
        ("weibull", {"k": 2.0, "scale": 5.0}), ("weibull", {"shape": 2.0, "mean": 5.0}),
        ("weibull", {"mean": 5.0, "sd": 2.0}), ("uniform", {"min": -1.0, "max": 4.0}),
        ("normal", {"mean": 1.0, "sd": 2.0}), ("beta", {"mean": 0.3, "sd": 0.1}), ("beta", {"a": 2.0, "b": 5.0}),
    ],
)  # fmt: skip
def test_priors_are_the_laws_that_attributes_are_drawn_from(family: str, a: dict[str, float]) -> None:
    p = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
    assert np.allclose(frozen(family, a).ppf(p), law(family, a).ppf(p), rtol=1e-9)


@pytest.mark.parametrize(("low", "high"), [(-math.inf, math.inf), (0.0, math.inf), (-math.inf, 3.0), (0.2, 6.0)])
def test_the_real_line_and_back(low: float, high: float) -> None:
    prior = Distribution("normal", (), None, (), NUMBER, NOWHERE)
    one = Literal_(1.0, NUMBER, NOWHERE)
    free = Free(Parameter("x", one, NUMBER, "", 1.0, prior, None, None, "", "", NOWHERE), prior, low, high)
    for z in (-3.0, -0.1, 0.0, 2.5):
        value = float(free.value(z))
        assert low <= value <= high and float(free.real(value)) == pytest.approx(z, abs=1e-9)
        slope = (float(free.value(z + 1e-6)) - float(free.value(z - 1e-6))) / 2e-6
        assert math.exp(free.log_slope(z)) == pytest.approx(abs(slope), rel=1e-6)


def test_the_networks_of_the_documentation_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last examples of docs/python.md: the loss falls to a tenth, and colder seasons infect more; a gradient goes
    through eight weeks into a network of how much people travel."""
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    example, family = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[-2:]
    assert example.count("\n") <= 24
    names: dict = {}
    exec(example, names)
    assert names["losses"][-1] < 0.1 * names["losses"][0]
    mild, middle, cold = names["rates"].detach().flatten().tolist()
    assert mild < middle < cold
    exec(family, names)
    assert names["weeks"].shape == (8,)
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in names["network"].parameters())
