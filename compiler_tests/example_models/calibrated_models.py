"""A model whose likelihood is known exactly, with data, for the tests of calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lpmdsl.runtime.api import LoadedModel, load

PEOPLE, EVERY, REPORTS = 60, 4.0, 5
TEXT = """\
## Sixty patients recover on their own; how long an illness lasts, and how far counts scatter, is to be found.
model ward version 1.0

clock
  step 1 day
  from 2024-10-01 for 16 days

parameter illness = 8 days
  prior lognormal(median 8 days, spread 1.6)
parameter noise = 20
  prior lognormal(median 20, spread 2)

agent Patient count 60

condition Ill of Patient
  states I, R
  start I
  from I after exponential(mean illness) to R

observe ill = count of Patient where Ill is I every 4 days

calibrate
  fit ill to "ward.csv" column ill with negative_binomial(dispersion noise)
  estimate illness, noise by sampling
"""
DATA = "date,ill\n2024-10-01,58\n2024-10-05,35\n2024-10-09,\n2024-10-13,12\n2024-10-17,6\n"
COUNTS = np.array([58, 35, np.nan, 12, 6])


def ward(folder: Path, data: str = DATA, text: str = TEXT) -> LoadedModel:
    """The model in a folder with its data."""
    folder.mkdir(exist_ok=True)
    (folder / "ward.lpm").write_text(text, encoding="utf-8")
    (folder / "ward.csv").write_text(data, encoding="utf-8")
    return load(folder / "ward.lpm")


def log_likelihood(illness: float, noise: float, counts: NDArray[np.float64] = COUNTS) -> float:
    """Exactly, by the forward recursion over how many are still ill (each stays for 4 days with exp(-4/illness))."""
    numbers = np.arange(PEOPLE + 1)
    stay = np.exp(-EVERY / illness)
    move = stats.binom.pmf(numbers[None, :], numbers[:, None], stay)  # from row to column
    belief, total = (numbers == PEOPLE).astype(float), 0.0
    for report, count in enumerate(counts):
        belief = belief @ move if report else belief
        if not np.isnan(count):
            mean = np.maximum(numbers, 1e-3)
            belief = belief * stats.nbinom.pmf(count, noise, noise / (noise + mean))
            total += np.log(belief.sum())
            belief /= belief.sum()
    return total


def exact_moments(counts: NDArray[np.float64] = COUNTS) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of log illness and log noise after the data, on a grid."""
    x = np.linspace(np.log(8) - 3 * np.log(1.6), np.log(8) + 3 * np.log(1.6), 61)
    y = np.linspace(np.log(20) - 4 * np.log(2), np.log(20) + 4 * np.log(2), 61)
    table = np.array([[log_likelihood(np.exp(a), np.exp(b), counts) for b in y] for a in x])
    table += stats.norm.logpdf(x, np.log(8), np.log(1.6))[:, None] + stats.norm.logpdf(y, np.log(20), np.log(2))
    weight = np.exp(table - table.max())
    weight /= weight.sum()
    found = {}
    for name, grid, w in (("illness", x, weight.sum(1)), ("noise", y, weight.sum(0))):
        mean = float(w @ grid)
        found[name] = (mean, float(np.sqrt(w @ (grid - mean) ** 2)))
    return found
