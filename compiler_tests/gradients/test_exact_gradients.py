"""Every estimator against exact derivatives (``docs/gradients.md``), as a gradient and backwards through torch.

|z| < 3 with fixed seeds, and standard errors that would show a wrong formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

import lpmdsl
from compiler_tests.example_models import exact_gradients as models
from compiler_tests.example_models.exact_gradients import days_ill, days_ill_slopes, final_size

Z = 3.0


@dataclass(frozen=True)
class Case:
    """``exact``: the derivative by each parameter; ``replicates`` and ``within``, the largest relative standard error,
    for differences and for the score."""

    text: str
    of: str
    value: float
    exact: dict[str, float]
    replicates: tuple[int, int]
    within: tuple[float, float]


# The final size of those who are not seeded: R0 = 2 and 3 with hardly anyone seeded are the formula's own numbers.
Z2, SLOPE2 = final_size(2.0, 0.01)
CASES = {
    "chain": Case(models.CHAIN, "final of in_b", 0.2484883, {"a": 1.8888568, "b": -0.5960266}, (60, 60), (0.08, 0.03)),
    "walk": Case(models.WALK, "final of place", -50.0, {"p": 200.0}, (8, 20), (0.02, 1e-6)),
    "square of a walk": Case(models.WALK, "final of square", 2575.0, {"p": -19_800.0}, (8, 300), (0.02, 0.05)),
    "complete graph": Case(models.COMPLETE, "total of infections", 19.532259, {"beta": 1507.40376}, (2_000, 1_500),
                           (0.08, 0.05)),
    "Reed-Frost": Case(models.REED_FROST, "total of infections", 2.1011298, {"p": 8.1658696}, (2_000, 1_500),
                       (0.08, 0.05)),
    "births and deaths": Case(models.BIRTHS, "final of animals", 24.272625, {"b": 706.96965, "d": -706.96965},
                              (150, 600), (0.1, 0.05)),
    "Weibull, scale": Case(models.WEIBULL, "total of ill", days_ill(2.0, 5.0), {"size": days_ill_slopes()["size"]},
                           (40, 300), (0.005, 0.02)),
    "Weibull, shape": Case(models.WEIBULL, "total of ill", days_ill(2.0, 5.0), {"shape": days_ill_slopes()["shape"]},
                           (40, 300), (0.25, 0.4)),
    "final size": Case(models.FINAL_SIZE, "final of infected", Z2, {"R0": SLOPE2}, (20, 150), (0.05, 0.03)),
}  # fmt: skip


def test_the_formulas() -> None:
    """The numbers that the design gives: z and its slope at R0 = 2 and 3 where nobody is seeded."""
    assert final_size(2.0, 0.0) == pytest.approx((0.7968121, 0.2727358), abs=1e-6)
    assert final_size(3.0, 0.0) == pytest.approx((0.9404798, 0.0681457), abs=1e-6)


@pytest.mark.parametrize("estimator", ["differences", "score"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_exact(name: str, estimator: str) -> None:
    case = CASES[name]
    which = int(estimator == "score")
    replicates = case.replicates[which]
    model = lpmdsl.load(case.text)
    found = model.gradient(case.of, list(case.exact), replicates=replicates, seed=1, estimator=estimator)
    assert [f.estimator for f in found] == [estimator] * len(found)
    assert found[0].mean == pytest.approx(case.value, rel=0.1)
    for f in found:
        exact = case.exact[f.parameter]
        assert abs(f.gradient - exact) < Z * f.se + 1e-9 * abs(exact), f
        assert f.se < case.within[which] * abs(exact), f
    simulate = model.simulator(case.of, list(case.exact), replicates=replicates, seed=1, estimator=estimator)
    theta = torch.tensor([model.parameters[n] for n in case.exact], dtype=torch.float64, requires_grad=True)
    simulate(theta).sum().backward()
    assert theta.grad is not None
    for f, back in zip(found, theta.grad.tolist(), strict=True):
        assert back == pytest.approx(f.gradient, rel=1e-6) or abs(back - case.exact[f.parameter]) < Z * f.se
