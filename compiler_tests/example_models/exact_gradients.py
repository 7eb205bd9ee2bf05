"""Models whose derivatives are known exactly, as an epidemiologist would write them, with the formulas."""

from __future__ import annotations

import math

CHAIN = """\
model chain version 1.0

clock
  step 1 day
  for 10 days

parameter a = 10 %
parameter b = 30 %

agent Person count 2_000

condition Job of Person
  states A, B
  start A
  from A with probability a every day to B
  from B with probability b every day to A

observe in_b = share of Person where Job is B every day
"""

# A walk of every person by one place up (with probability p) or down a day: what is set last holds.
WALK = """\
model walk version 1.0

clock
  step 1 day
  for 100 days

parameter p = 25 %

agent Person count 50
  position number = 0

observe place = mean of position over Person every day
observe square = mean of position ^ 2 over Person every day

intervention steps
  every day for Person
    set position to position - 1
    set position to position + 1 with probability p
"""

# Until all is over, so that only who is infected counts and not when: the chain binomial has that too.
COMPLETE = """\
model complete version 1.0

clock
  step 1 day
  for 150 days

parameter beta = 0.012
parameter hazard = -log(1 - beta) / 1 day

agent Person count 30
  room place of size 30

network rooms joins Person sharing room

condition Flu of Person
  states S, I, R
  start S except 2 Person in I
  from S by contagion to I
  from I with probability 15 % every day to R

contagion of Flu
  from I on rooms at hazard

observe infections = number entering I per day
"""

REED_FROST = """\
model reed_frost version 1.0

clock
  step 1 day
  for 6 days

parameter p = 0.3
parameter hazard = -log(1 - p) / 1 day

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

# Births of a day count at its end and happen at the beginning of the next, before anyone dies or gives birth: so
# after every day those alive and those about to be born are the n of n → n + Binomial(n, b) − Binomial(n, d).
BIRTHS = """\
model animals version 1.0

clock
  step 1 day
  for 30 days

parameter b = 8 %
parameter d = 5 %

agent Animal count 400
  gives_birth yes/no = no

condition Life of Animal
  states Unborn, Alive, Dead
  start Unborn except 10 Animal in Alive
  from Alive with probability d every day to Dead

observe alive = count of Animal where Life is Alive every day
observe unborn = count of Animal where gives_birth every day
observe animals = alive + unborn

intervention births_and_flips
  every day for at most unborn Animal where Life is Unborn
    move Life to Alive
  every day for Animal
    set gives_birth to no
  every day for Animal where Life is Alive
    set gives_birth to yes with probability b
"""

# Everyone meets everyone; a stay of D days makes R0 = beta · D whatever the step is.
FINAL_SIZE = """\
model final_size version 1.0

clock
  step 1 day
  for 120 days

parameter R0 = 2
parameter illness = 4 days
parameter beta = R0 / illness

agent Person count 10_000

network town joins Person at random

condition Flu of Person
  states S, I, R
  start S except share 1 % in I
  from S by contagion to I
  from I after fixed(4 days) to R

contagion of Flu
  from I on town at beta

observe infected = share of Person where not Flu is S every day
"""

WEIBULL = """\
model weibull version 1.0

clock
  step 1 day
  for 60 days

parameter shape = 2
parameter size = 5 days

agent Person count 2_000

condition Illness of Person
  states Ill, Well
  start Ill
  from Ill after weibull(k shape, scale size) to Well

observe ill = count of Person where Illness is Ill every day
"""


def days_ill(shape: float, size: float) -> float:
    """Days begun ill by 2 000 people in sixty days: Σ P(stay > t)."""
    return 2_000 * sum(math.exp(-((t / size) ** shape)) for t in range(61))


def days_ill_slopes(shape: float = 2.0, size: float = 5.0, step: float = 1e-5) -> dict[str, float]:
    """By both parameters, from the law itself."""
    by_shape = days_ill(shape + step, size) - days_ill(shape - step, size)
    by_size = days_ill(shape, size + step) - days_ill(shape, size - step)
    return {"shape": by_shape / (2 * step), "size": by_size / (2 * step)}


def final_size(r0: float, seeded: float) -> tuple[float, float]:
    """z and dz/dR0 of 1 − z = (1 − seeded)·e^(−R0 z)."""
    z = 0.9
    for _ in range(200):
        z = 1 - (1 - seeded) * math.exp(-r0 * z)
    return z, z * (1 - z) / (1 - r0 * (1 - z))
