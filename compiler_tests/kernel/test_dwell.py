"""Tables of quantiles: the dwell times that 32-bit words give, against the laws they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from compiler_tests.support import builders as b
from lpmdsl.backends.llvm import prelude
from lpmdsl.native.function import native
from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.reference import arithmetic
from lpmdsl.semantics.host.quantile_tables import CELLS, MAX_TICKS, TICKS, quantile_table
from lpmdsl.semantics.model import ParameterRef
from lpmdsl.source import NOWHERE

WORDS = np.floor((np.arange(1_000_000) + 0.5) * 2.0**32 / 1_000_000).astype(np.int64)
SIGMA2 = np.log1p((3 / 5) ** 2)
GROUP = b.category("child", "adult", "elder")
LAWS = [
    ("exponential", {"mean": 5.0}, stats.expon(scale=5)),
    ("gamma", {"mean": 5.0, "sd": 2.0}, stats.gamma(6.25, scale=0.8)),
    ("gamma", {"shape": 0.5, "scale": 4.0}, stats.gamma(0.5, scale=4)),
    ("erlang", {"mean": 6.0, "shape": 3.0}, stats.erlang(3, scale=2)),
    ("lognormal", {"mean": 5.0, "sd": 3.0}, stats.lognorm(np.sqrt(SIGMA2), scale=5 / np.exp(SIGMA2 / 2))),
    ("lognormal", {"median": 4.0, "spread": 1.5}, stats.lognorm(np.log(1.5), scale=4)),
    ("weibull", {"k": 2.0, "scale": 5.0}, stats.weibull_min(2, scale=5)),
    ("weibull", {"k": 0.8, "scale": 5.0}, stats.weibull_min(0.8, scale=5)),
    ("uniform", {"min": 2.0, "max": 6.0}, stats.uniform(2, 4)),
]
EACH_LAW = pytest.mark.parametrize(("family", "arguments", "law"), LAWS, ids=lambda x: x if isinstance(x, str) else "")


def table_of(family: str, arguments: dict, step: float = 1.0, **parts) -> NDArray[np.int64]:
    return quantile_table(b.law(family, **arguments), b.model(1, **parts), {}, step)


def ticks(table: NDArray[np.int64], words: NDArray[np.int64], row: int = 0) -> NDArray[np.int64]:
    rows = torch.full((len(words),), row)
    return arithmetic.quantile(torch.from_numpy(table), rows, torch.from_numpy(words)).numpy()


@native()
def _each(table, row, words, out):
    for k in range(len(words)):
        out[k] = prelude.quantile(table, row, words[k])


@EACH_LAW
def test_mean_and_sd_of_a_million_words(family: str, arguments: dict, law) -> None:
    """Within 1e-4 of the law, on a step of half a day."""
    days = ticks(table_of(family, arguments, 0.5), WORDS) * 0.5 / TICKS
    assert days.mean() == pytest.approx(law.mean(), rel=1e-4)
    assert days.std() == pytest.approx(law.std(), rel=1e-4 if np.isfinite(law.std()) else 0)


@EACH_LAW
def test_both_tails_down_to_one_word_in_four_billion(family: str, arguments: dict, law) -> None:
    """Word w means probability (w + ½)/2³². The outermost cells end at 2⁻³⁴, so the very last words are 1 % off."""
    words = np.array([3, 10, 100, 10_000, 1 << 20, 1 << 28])
    table = table_of(family, arguments)
    p = (words + 0.5) / 2.0**32
    lower, upper = ticks(table, words) / TICKS, ticks(table, (1 << 32) - 1 - words) / TICKS
    np.testing.assert_allclose(lower, np.maximum(law.ppf(p), 1 / TICKS), rtol=0.01, atol=1 / TICKS)
    np.testing.assert_allclose(upper, law.isf(p), rtol=0.01)


@EACH_LAW
def test_a_larger_word_never_means_a_shorter_time(family: str, arguments: dict, law) -> None:
    around = np.concatenate([k + np.arange(-70, 70) for k in (1 << np.arange(8, 32))])
    words = np.unique(np.concatenate([np.arange(4096), around, WORDS[::101], (1 << 32) - 1 - np.arange(4096)]))
    assert np.all(np.diff(ticks(table_of(family, arguments), words)) >= 0)


def test_machine_code_and_torch_look_up_the_same() -> None:
    table = table_of("gamma", {"mean": 5.0, "sd": 2.0})
    words = np.concatenate([WORDS[::7], np.arange(5000), (1 << 32) - 1 - np.arange(5000)])
    out = np.empty_like(words)
    _each(table, 0, words, out)
    assert np.array_equal(out, ticks(table, words))


@pytest.mark.parametrize("step", [0.25, 1.0, 7.0])
def test_fixed_is_exact(step: float) -> None:
    table = table_of("fixed", {"value": 3.5}, step)
    assert set(ticks(table, WORDS[::1000]).tolist()) == {round(3.5 / step * TICKS)}


def test_a_time_of_zero_takes_a_tick_and_an_endless_one_does_not_overflow() -> None:
    assert set(ticks(table_of("fixed", {"value": 0.0}), WORDS[::1000]).tolist()) == {1}
    endless = table_of("fixed", {"value": 1e300})
    assert endless.max() == MAX_TICKS and ticks(endless, WORDS[::1000]).max() == MAX_TICKS


def test_a_row_for_every_category_and_yes_or_no() -> None:
    """Rows in mixed radix, the attribute read first most significant: 3 groups times vaccinated or not."""
    days = b.table("days", (("child", "adult", "elder"),), (2.0, 4.0, 8.0), ("group",))
    mean = b.apply("mul", b.look_up("days", b.own("group", GROUP)), b.apply("add", 1.0, b.own("vaccinated", BOOLEAN)))
    distribution = replace(b.law("exponential"), arguments=(("mean", mean),))
    table = quantile_table(distribution, b.model(1, tables=(days,)), {}, 1.0)
    assert table.shape == (6, 2, CELLS + 1)
    means = [ticks(table, WORDS, row).mean() / TICKS for row in range(6)]
    assert means == pytest.approx([2, 4, 4, 8, 8, 16], rel=1e-4)


def test_a_list_of_values_is_drawn_with_its_shares() -> None:
    sizes = b.table("sizes", (("1", "2", "5"),), (0.25, 0.5, 0.25), ("",))
    distribution = replace(b.law("empirical"), table="sizes")
    drawn = ticks(quantile_table(distribution, b.model(1, tables=(sizes,)), {}, 1.0), WORDS) / TICKS
    for value, share in ((1, 0.25), (2, 0.5), (5, 0.25)):
        # A word in the cell across which the value jumps gives something between: one cell in a hundred, at most.
        assert np.mean(np.isclose(drawn, value)) == pytest.approx(share, abs=0.01)


def test_the_table_is_built_from_the_parameters_of_the_run() -> None:
    """The quantiles of an exponential scale with its mean, each rounded to a tick."""
    distribution = b.law("exponential", mean=ParameterRef("illness", NUMBER, NOWHERE))
    two, four = (quantile_table(distribution, b.model(1), {"illness": days}, 1.0) for days in (2.0, 4.0))
    assert np.all(np.abs(four - 2 * two) <= 1) and four.max() > TICKS
