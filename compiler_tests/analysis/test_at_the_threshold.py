"""A run at the share at which an outbreak stops: whoever is infected there infects one other."""

from __future__ import annotations

import math

import numpy as np

import lpmdsl
from compiler_tests.support.both_backends import request_of
from lpmdsl.reference import interpreter
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.coverage import coverage

PEOPLE, FIRST = 20_000, 400
TEXT = """\
model threshold version 1.0
clock
  step 1 day
  for 40 days
parameter c = 10 %
agent Person count 20_000
  masked yes/no ~ bernoulli(30 %)
  dosed yes/no ~ bernoulli(c)
network town joins Person at random
network work joins Person at random
condition Flu of Person
  states S, E, I, R, Caught
  start S except WHO in E
  from S by contagion to CAUGHT
  from E at rate 1 per day to I
  from I after exponential(mean 5 days) to R
contagion of Flu
  from I on town at 0.3 per day
  from I on work at 0.2 per day
  target scaled by 0.2 where dosed
  target scaled by 0.5 where masked on town
  source scaled by 0.5 where masked on town
observe caught = number entering Caught per day
"""


def text(who: str, caught: str) -> str:
    made = TEXT.replace("WHO", who).replace("CAUGHT", caught)
    return made if caught == "Caught" else made.replace(", Caught", "").replace("entering Caught", "entering R")


def typical(c: float) -> dict[tuple[bool, bool], float]:
    """Who is infected while an outbreak grows, by (masked, dosed): the vector of an own matrix over the four kinds."""
    kinds = [(a, b) for a in (False, True) for b in (False, True)]
    share = {(a, b): (0.3 if a else 0.7) * (c if b else 1 - c) for a, b in kinds}

    def given(to: tuple[bool, bool], by: tuple[bool, bool]) -> float:
        town = 1.5 * (0.5 if to[0] else 1) * (0.5 if by[0] else 1)
        return share[to] * (0.2 if to[1] else 1) * (town + 1.0)

    values, vectors = np.linalg.eig(np.array([[given(to, by) for by in kinds] for to in kinds]))
    vector = np.abs(np.real(vectors[:, np.argmax(np.real(values))]))
    return dict(zip(kinds, vector / vector.sum(), strict=True))


def test_at_the_threshold_each_infects_one() -> None:
    """400 of the typical kinds, whose cases infect nobody: z < 3 of one each. Some are masked already, at both ends,
    on one network; the dose is leaky. Of the 2 % who are no longer susceptible at the end half count."""
    model = lpmdsl.load(text("10 Person", "E")).model
    share = coverage(model, model.conditions[0], parameter_values(model)).needed["dosed"]
    assert 0.5 < share < 0.9
    first = [
        f"{round(FIRST * of)} Person where {'' if masked else 'not '}masked and {'' if dosed else 'not '}dosed"
        for (masked, dosed), of in typical(share).items()
    ]
    barren = lpmdsl.load(text(" in E except ".join(first), "Caught")).model
    run = interpreter.run(request_of(barren, PEOPLE, settings={"c": share}))
    caught = float(np.sum(run.observations["caught"]))
    # The number of each is Poisson given an exponential time: variance 1 + 1, and more where the masked give less.
    assert abs(caught / FIRST - 1) < 3 * math.sqrt(2.1 / FIRST) + 0.5 * caught / PEOPLE
