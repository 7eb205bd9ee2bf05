"""The model that ``lpmc new`` writes: small, complete and commented."""

from __future__ import annotations

import re

TEXT = """\
## An infection that spreads in a town: everyone is susceptible, infectious or recovered.
model {name} version 1.0

# How long one step is, and how long the model runs.
clock
  step 1 day
  for 120 days

# Every number has a name and a unit; `lpmc run FILE --set transmissibility="0.05 per contact"` tries another value.
## Chance that one contact between an infectious and a susceptible person infects.
parameter transmissibility = 0.03 per contact
  between 0 per contact and 1 per contact
## Mean length of the infectious period.
parameter illness = 5 days

agent Person count 10_000
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 18 years, 65 years named child, adult, elder

# Each person meets ten others a day, drawn from the whole town.
network town joins Person at random with 10 contacts per day

condition Infection of Person
  states S, I, R
  start S except 10 Person in I
  from S by contagion to I
  from I after gamma(mean illness, sd 2 days) to R

contagion of Infection
  from I on town at transmissibility

# What is counted: flows per period, and how many are in a state.
observe cases = number entering I per week by age_group
observe infectious = count of Person where Infection is I every day

# `lpmc run FILE --scenario masks`, or `lpmc compare FILE` for both on common random numbers.
scenario masks
  change transmissibility to 0.02 per contact

compare masks with baseline
  repeat 20 times
  report total of cases, peak of infectious

check always count of Person where Infection is R <= population
"""


def starter_text(stem: str) -> str:
    """The starter with a model name made from the file's."""
    name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower() or "outbreak"
    return TEXT.replace("{name}", name if name[0].isalpha() else f"model_{name}")
