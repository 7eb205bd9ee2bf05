"""Small models of one condition, made of a few lines, and what `lpmc analyse` says of them."""

from __future__ import annotations

import math
import warnings

import numpy as np

import lpmdsl
from lpmdsl.insight.summary import Analysis, analysis, as_json, as_text
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.reproduction import world_of

TEXT = """\
model probe version 1.0
clock
  step 1 day
  from 2024-01-01 for 28 days
parameter c = 30 %
parameter none = 0 per day
agent Person count 4_000
  dosed yes/no ~ bernoulli(c)
  sex category ~ categorical(woman 50 %, man 50 %)
  home place of size 4
table pace by sex of number per day
  woman 0.2
  man 0
network town joins Person at random
network work joins Person at random with 10 contacts per day on weekdays
network week joins Person at random with 4 contacts per day
network rest joins Person at random with 4 contacts per day on weekends
network ties joins Person as random_regular(degree 6)
network days joins Person as random_regular(degree 6) on weekdays
network more joins Person as random_regular(degree 4)
network homes joins Person sharing home with 1 contact per day per tie
condition C of Person
  states S, E, I, H, R
  start S except 20 Person in I
  from S by contagion to FIRST
  COURSE
contagion of C
  SPREAD
observe i = count of Person where C is I every day
"""
EXPONENTIAL = "from I after exponential(mean 5 days) to R"
TOWN = "from I on town at 0.4 per day"
FIXED = "from I after fixed(5 days) to R"


def text(spread: str, course: str = EXPONENTIAL) -> str:
    """A model of these lines, parted by ``;``, with the networks that they name; E is entered first if it is left."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("network") or line.split()[1] in spread]
    made = (
        "\n".join(lines).replace("SPREAD", spread.replace(";", "\n  ")).replace("COURSE", course.replace(";", "\n  "))
    )
    states = [s for s in "SEIHR" if s in "SI" or f"to {s}" in course or f"from {s}" in course]
    made = made.replace("S, E, I, H, R", ", ".join(states))
    return made.replace("FIRST", "E" if "from E" in course else "I") + "\n"


def analysed(written: str, **values: float) -> Analysis:
    """The analysis; a warning of numpy is an error, in text and JSON too."""
    model = lpmdsl.load(written).model
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = analysis(model, parameter_values(model, values))
        as_json(found)
        as_text(found)
    return found


def radius(matrix: list[list[float]]) -> float:
    """The largest eigenvalue."""
    return float(np.max(np.real(np.linalg.eigvals(np.array(matrix, float)))))


def caught(x: float) -> float:
    """The chance that a hazard of ``x`` in all reaches somebody."""
    return -math.expm1(-x)


def share_of_women(written: str) -> float:
    """Of the people of a probe, as they are drawn."""
    model = lpmdsl.load(written).model
    return float(np.mean(world_of(model, parameter_values(model)).attributes[("Person", "sex")] == 0))
