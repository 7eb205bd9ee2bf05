"""Gradients against exact derivatives: |z| < 3 with fixed seeds, and standard errors of a few per cent at most."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.autograd import forward_ad
from typer.testing import CliRunner

import lpmdsl
from compiler_tests.example_models.exact_gradients import WEIBULL
from compiler_tests.example_models.exact_models import ROOMS
from lpmdsl.cli import app
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.gradients.finite_differences import BACKWARD, CENTRAL, FORWARD, certificate, slope, stencil_at
from lpmdsl.runtime.gradients.relaxed.estimator import weights_for
from lpmdsl.runtime.objective import Quantity

Z = 3.0

CHAIN = """\
model chain version 1.0

clock
  step 1 day
  for 10 days

parameter a = 10 %
parameter b = 30 %
parameter unread = 2

agent Person count 20_000

condition Job of Person
  states A, B
  start A
  from A with probability a every day to B
  from B with probability b every day to A

observe in_b = share of Person where Job is B every day
observe other = count of Person where Job is A every day
observe weighted = unread * other
"""


def z_of(found, exact: float) -> float:
    return (found.gradient - exact) / found.se


def chain(a: float, b: float, steps: int) -> float:
    return a / (a + b) * (1 - (1 - a - b) ** steps)


def test_two_state_chain() -> None:
    """E = .2484883, dE/da = 1.8888568, dE/db = -.5960266 after ten days."""
    by_a, by_b = lpmdsl.load(CHAIN).gradient("final of in_b", ["a", "b"], replicates=60, seed=3)
    assert by_a.mean == pytest.approx(0.2484883, abs=0.002)
    assert abs(z_of(by_a, 1.8888568)) < Z and by_a.se < 0.02 * 1.8888568
    assert abs(z_of(by_b, -0.5960266)) < Z and by_b.se < 0.04 * 0.5960266
    assert by_a.elasticity == pytest.approx(by_a.gradient * 0.1 / by_a.mean)


def test_what_nothing_reads_has_no_gradient_and_a_proof() -> None:
    model = lpmdsl.load(CHAIN)
    [unread] = model.gradient("final of in_b", ["unread"], replicates=2)
    assert (unread.gradient, unread.se) == (0.0, 0.0)
    assert unread.certificate.holds and "proved" in unread.certificate.words
    assert [s.parameter for s in model.gradient("final of in_b", replicates=2)] == ["a", "b"]


def test_complete_graph_of_thirty() -> None:
    """K30, beta .012 a contact, 2 of 30 infectious, to the end: dE/dh = 1507.40376 (1 - beta) per tie and day."""
    hazard = -math.log(1 - 0.012)
    text = ROOMS.replace("for 60 days", "for 150 days").replace("0.1 per day", f"{hazard!r} per day")
    text += "\nobserve infections = number entering I per day\n"
    [found] = lpmdsl.load(text).gradient("total of infections", ["per_tie"], replicates=6_000, seed=1)
    assert found.mean == pytest.approx(19.532259, abs=4 * 0.13)
    exact = 1507.40376 * (1 - 0.012)
    assert abs(z_of(found, exact)) < Z and found.se < 0.05 * exact


REED_FROST = """\
model reed_frost version 1.0

clock
  step 1 day
  for 8 days

parameter hazard = HAZARD per day

agent Person count 5
  room place of size 5

network rooms joins Person sharing room

condition Flu of Person
  states S, I, R
  start S except 1 Person in I
  from S by contagion to I
  from I after fixed(1 day) to R

contagion of Flu
  from I on rooms at hazard

observe infections = number entering I per day
"""


def test_reed_frost_of_five() -> None:
    """S0 = 4, I0 = 1, p = .3: E = 2.1011298, dE/dp = 8.1658696, and dp/dh = 1 - p."""
    text = REED_FROST.replace("HAZARD", repr(-math.log(0.7)))
    [found] = lpmdsl.load(text).gradient("total of infections", replicates=6_000, seed=2)
    assert found.mean == pytest.approx(2.1011298, abs=4 * 0.021)
    assert abs(z_of(found, 8.1658696 * 0.7)) < Z and found.se < 0.06 * 8.1658696


WEIBULL_OF_MANY = WEIBULL.replace("count 2_000", "count 5_000")


def test_weibull_dwell_time() -> None:
    """Days begun ill: Σ P(dwell > t) over whole days t; its derivatives by the law itself (scipy)."""

    def days(shape: float, size: float) -> float:
        return float(sum(stats.weibull_min.sf(t, shape, scale=size) for t in range(61)))

    step = 1e-5
    exact = {
        "shape": (days(2 + step, 5) - days(2 - step, 5)) / (2 * step),
        "size": (days(2, 5 + step) - days(2, 5 - step)) / (2 * step),
    }
    assert exact["size"] == pytest.approx(0.8862269, abs=2e-3)  # the mean dwell time's, 4.4311346 / 5
    for found in lpmdsl.load(WEIBULL_OF_MANY).gradient("total of ill", replicates=40, seed=5):
        expected = 5_000 * exact[found.parameter]
        assert abs(z_of(found, expected)) < Z, found
        assert found.se < 0.01 * 5_000


# ------------------------------------------------------------------ torch


def test_a_loss_goes_back_through_a_run() -> None:
    model = lpmdsl.load(CHAIN)
    simulate = model.simulator("in_b", ["a", "b"], replicates=20, seed=4)
    theta = torch.tensor([0.1, 0.3], dtype=torch.float64, requires_grad=True)
    share = simulate(theta)
    assert share.shape == (11,)
    ((share - 0.2) ** 2).sum().backward()
    steps = np.arange(11)
    exact = np.array([chain(0.1, 0.3, int(t)) for t in steps])
    slopes = [np.array([(chain(0.1 + e, 0.3 + f, int(t)) - chain(0.1 - e, 0.3 - f, int(t))) / 2e-6 for t in steps])
              for e, f in ((1e-6, 0.0), (0.0, 1e-6))]  # fmt: skip
    assert theta.grad is not None
    for got, wanted in zip(theta.grad.tolist(), [float((2 * (exact - 0.2) * s).sum()) for s in slopes], strict=True):
        assert got == pytest.approx(wanted, rel=0.08)


def test_the_forward_derivative_is_the_backward_one() -> None:
    model = lpmdsl.load(CHAIN)
    simulate = model.simulator("final of in_b", ["a", "b"], replicates=10, seed=4)
    theta = torch.tensor([0.1, 0.3], dtype=torch.float64)
    rows = torch.autograd.functional.jacobian(simulate, theta)
    with forward_ad.dual_level():
        moved = forward_ad.make_dual(theta, torch.tensor([1.0, 0.0], dtype=torch.float64))
        along = forward_ad.unpack_dual(simulate(moved)).tangent
    assert along is not None
    assert along.item() == pytest.approx(rows[0, 0].item(), rel=1e-9)


def test_a_network_of_neurons_trains_through_a_run() -> None:
    """Covariates → parameters → run: the loss of a small network falls."""
    simulate = lpmdsl.load(CHAIN).simulator("in_b", ["a", "b"], replicates=4, seed=1)
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 2, dtype=torch.float64)
    target, covariates = torch.full((11,), 0.1, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = ((simulate(torch.sigmoid(layer(covariates)) * 0.8) - target) ** 2).sum()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_each_replicate_is_a_row() -> None:
    simulate = lpmdsl.load(CHAIN).simulator("in_b", ["a"], replicates=3, each=True)
    assert simulate(torch.tensor([0.1])).shape == (3, 11)
    with pytest.raises(LpmError, match="E0805"):
        simulate(torch.tensor([1.5]))


# ------------------------------------------------------------------ the method


def test_stencils_are_exact_for_polynomials() -> None:
    for stencil, degree in ((CENTRAL, 4), (FORWARD, 2), (BACKWARD, 2)):
        for power in range(degree + 1):
            got = sum(w * (1 + 0.1 * k) ** power for k, w in zip(stencil.at, stencil.estimate, strict=True)) / 0.1
            assert got == pytest.approx(power, abs=1e-9)


def test_points_stay_within_the_limits_of_a_parameter() -> None:
    model = lpmdsl.load(CHAIN.replace("a = 10 %", "a = 0 %")).model
    stencil, step = stencil_at(model.parameter("a"), 0.0)
    assert stencil is FORWARD and 0 < step < 0.5
    stencil, step = stencil_at(model.parameter("a"), 0.96)
    assert stencil is CENTRAL and 0.96 + 2 * step <= 1.0 + 1e-12


def test_the_certificate_convicts_a_wrong_estimator() -> None:
    random = np.random.default_rng(1)
    right = 5 + random.standard_normal(400)
    assert certificate(right, right + 0.1 * random.standard_normal(400)).holds
    wrong = certificate(right, 1.5 * right)
    assert not wrong.holds and wrong.low > 1.1
    unsure = certificate(right[:4], right[4:8] + 3 * random.standard_normal(4))
    assert not unsure.holds and "too few" in unsure.words
    nothing = certificate(np.zeros(50), np.zeros(50))
    assert not nothing.holds and "nothing changed" in nothing.words


def test_rounding_is_no_gradient() -> None:
    """A number that is the same at every point: its weighed sum is 0, not what floating point leaves of it."""
    found = slope(lpmdsl.load(CHAIN).model.parameter("a"), 0.1, lambda at: np.full((5, 1), 1157.3))
    assert (found.gradient, found.se) == (0.0, 0.0)


def test_the_same_seed_gives_the_same_gradient_on_any_threads() -> None:
    model = lpmdsl.load(CHAIN)
    one, two = (model.gradient("mean of in_b", ["a"], replicates=5, threads=n)[0] for n in (1, 2))
    assert one == two


# ------------------------------------------------------------------ command line


EPIDEMIC = """\
model epidemic version 1.0
clock
  step 1 day
  for 60 days
parameter beta = 0.05 per contact
agent Person count 3_000
network town joins Person at random with 8 contacts per day
condition Flu of Person
  states S, I, R
  start S except 60 Person in I
  from S by contagion to I
  from I after gamma(mean 4 days, sd 2 days) to R
contagion of Flu
  from I on town at beta
observe ill = count of Person where Flu is I every day
"""


def test_the_day_of_the_peak_and_the_median_have_slopes() -> None:
    """Against plain differences of the reports of runs at 10 % more and 10 % less, on common random numbers."""
    loaded = lpmdsl.load(EPIDEMIC)
    more, less = (
        np.stack([part.value.to_numpy() for _, part in loaded.run(
            parameters={"beta": beta}, replicates=20, seed=2).observations.groupby("replicate")])
        for beta in ("0.055 per contact", "0.045 per contact")
    )  # fmt: skip
    (day,) = loaded.gradient("peak day of ill", replicates=20, seed=2)
    (median,) = loaded.gradient("median of ill", replicates=20, seed=2)
    assert 5 < day.mean < 30 and day.elasticity < -0.3
    plain = (more.argmax(axis=1) - less.argmax(axis=1)) / 0.01
    assert abs(day.gradient - plain.mean()) < 4 * math.hypot(day.se, stats.sem(plain))
    plain = (np.median(more, axis=1) - np.median(less, axis=1)) / 0.01
    assert abs(median.gradient - plain.mean()) < 4 * math.hypot(median.se, stats.sem(plain))
    with pytest.raises(LpmError, match=r"E0847.*day of a peak"):
        loaded.gradient("peak day of ill", estimator="relaxation", replicates=5)


def test_the_relaxation_of_a_median_weighs_its_middle_reports() -> None:
    reports = np.array([3.0, np.nan, 1.0, 2.0, 8.0])
    assert weights_for(Quantity("median", "x"), reports).tolist() == [0.5, 0, 0, 0.5, 0]
    assert weights_for(Quantity("median", "x"), reports[:4]).tolist() == [0, 0, 0, 1]


def test_command_line(tmp_path) -> None:
    path = tmp_path / "chain.lpm"
    path.write_text(CHAIN, encoding="utf-8")
    told = CliRunner().invoke(
        app, ["sensitivity", str(path), "--of", "final of in_b", "--wrt", "a,b", "--format", "json",
              "--replicates", "5", "--plot", str(tmp_path / "p.html")]
    )  # fmt: skip
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert [r["parameter"] for r in records] == ["a", "b"]
    assert {"parameter", "value", "gradient", "se", "elasticity", "estimator", "certificate"} <= set(records[0])
    assert "change in % for 1 % more" in (tmp_path / "p.html").read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, ["sensitivity", str(path), "--of", "final of in_b", "--replicates", "5"])
    assert shown.exit_code == 0 and "elasticity" in shown.stdout


@pytest.mark.parametrize(
    ("of", "options", "code"),
    [
        ("sum of in_b", {}, "E0840"), ("total of inb", {}, "E0840"), ("day of in_b", {}, "E0840"),
        ("in_b", {}, "E0840"),
        ("final of in_b", {"wrt": ["aa"]}, "E0803"), ("final of in_b", {"estimator": "magic"}, "E0841"),
    ],
)  # fmt: skip
def test_mistakes_are_told(of: str, options: dict, code: str) -> None:
    with pytest.raises(LpmError, match=code):
        lpmdsl.load(CHAIN).gradient(of, **options)
