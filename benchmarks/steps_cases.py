"""Epidemics on which the length of a step is judged: random mixing, and closed households."""

from __future__ import annotations

from dataclasses import dataclass

SEEDED = 0.002
"""Share infectious at the start."""


@dataclass(frozen=True, slots=True)
class Mixing:
    """All meet all: ``beta`` infections a day by each infectious person; times in days, ``latent`` 0: none."""

    name: str
    beta: float
    latent: float
    infectious: float
    is_fixed: bool
    days: int

    def first_of(self, people: int) -> int:
        """How many of so many are infectious at the start."""
        return round(SEEDED * people)

    def text(self, people: int, step: str) -> str:
        """The model."""
        law = "fixed(DAYS days)" if self.is_fixed else "exponential(mean DAYS days)"
        latent = f"  from E after {law} to I\n".replace("DAYS", f"{self.latent:g}") if self.latent else ""
        to, states = ("E", "S, E, I, R") if self.latent else ("I", "S, I, R")
        return (
            f"model steps version 1.0\n\nclock\n  step {step}\n  for {self.days} days\n\n"
            f"agent Person count {people}\n\nnetwork all joins Person at random\n\n"
            f"condition C of Person\n  states {states}\n  start S except {self.first_of(people)} Person in I\n"
            f"  from S by contagion to {to}\n{latent}  from I after {law} to R\n".replace(
                "DAYS", f"{self.infectious:g}"
            )
            + f"\ncontagion of C\n  from I on all at {self.beta:g} per day\n\n"
            + f"observe cases = number entering {to} per day\n"
        )


@dataclass(frozen=True, slots=True)
class Household:
    """Closed households with one index case each: ``rate`` a tie and day, gamma times ill (``mean``, ``sd``: days)."""

    name: str
    size: int
    rate: float
    mean: float
    sd: float

    def text(self, step: str) -> str:
        """The model; its people stand in ``people.csv`` beside it."""
        return (
            f"model homes version 1.0\n\nclock\n  step {step}\n  for 60 days\n\n"
            'agent Person from "people.csv"\n  home place\n  first yes/no\n\n'
            "network homes joins Person sharing home with 1 contact per day per tie\n\n"
            "condition C of Person\n  states S, I, R\n  start S except where first in I\n"
            f"  from S by contagion to I\n  from I after gamma(mean {self.mean:g} days, sd {self.sd:g} days) to R\n\n"
            f"contagion of C\n  from I on homes at {self.rate:g} per contact\n\n"
            "observe ever = count of Person where C is not S every day\n"
        )


FLU = Mixing("SEIR, fixed 3 and 5 days, R 2.2", 0.44, 3, 5, True, 150)
SHORT = Mixing("SIR, exponential 5 days, R 2.2", 0.44, 0, 5, False, 110)
MIXING = (
    FLU,
    Mixing("SEIR, exponential 3 and 5 days, R 2.2", 0.44, 3, 5, False, 180),
    Mixing("measles: SEIR, exponential 8 and 5 days, R 15", 3.0, 8, 5, False, 80),
    Mixing("SEIR, exponential 1 and 2 days, R 2.2", 1.1, 1, 2, False, 90),
    SHORT,
    Mixing("SIR, fixed 5 days, R 2.2", 0.44, 0, 5, True, 90),
    Mixing("SIR, exponential 1 day, R 2.2", 2.2, 0, 1, False, 40),
)
HOUSEHOLDS = (
    Household("four, 0.15 a day, ill for 4 days (sd 2)", 4, 0.15, 4, 2),
    Household("four, 1 a day, ill for 1 day (exponential)", 4, 1, 1, 1),
    Household("four, 0.5 a day, ill for 1 day (sd 0.3)", 4, 0.5, 1, 0.3),
    Household("three, 0.4 a day, ill for 2 days (exponential)", 3, 0.4, 2, 2),
)
