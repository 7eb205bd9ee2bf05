"""Random models without decisions and triggers, from fixed seeds, whose step is still to be filled in (``STEP``).

Each has one course of illness that ends (or, if cyclic, goes round), on one to three networks. What a source weighs
hangs on its state and on what it is, never on the time: then who is infected hangs on thresholds and total exposure
alone (Sellke 1983, J Appl Prob 20:390), and a step must not show.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

AGENTS = 50_000


@dataclass(frozen=True, slots=True)
class Course:
    """``text``: the exits, with ``LAW_n`` for the n-th dwell time; ``means``: bounds of their means in days.

    ``spread``: (state, weight) of sources; ``of_infectious``: (dwell time, weight), of which the
    products add up to the days as a source; ``seeded``: where an outbreak begins; ``more``: effects of states."""

    states: str
    text: str
    means: tuple[tuple[float, float], ...]
    spread: tuple[tuple[str, float], ...]
    of_infectious: tuple[tuple[int, float], ...]
    seeded: str = "I"
    more: str = ""


COURSES = {
    "sir": Course("S, I, R", "from S by contagion to I\nfrom I LAW_0 to R", ((1, 6),), (("I", 1),), ((0, 1),)),
    "seir": Course(
        "S, E, I, R", "from S by contagion to E\nfrom E LAW_0 to I\nfrom I LAW_1 to R",
        ((0.4, 4), (1, 6)), (("I", 1),), ((1, 1),), "E",
    ),
    "branching": Course(
        "S, E, A, I, R",
        "from S by contagion\n  to E with probability 80 %\n  to A otherwise\n"
        "from E LAW_0\n  to A with probability 30 %\n  to I otherwise\nfrom A LAW_1 to R\nfrom I LAW_2 to R",
        ((0.5, 3), (2, 6), (1, 5)), (("A", 0.5), ("I", 1)), ((1, 0.22), (2, 0.56)),
    ),
    "in hospital": Course(
        "S, E, I, H, R",
        "from S by contagion to E\nfrom E LAW_0 to I\nfrom I LAW_1\n  to H with probability 20 %\n  to R otherwise\n"
        "from H LAW_2 to R",
        ((0.5, 4), (1, 5), (4, 9)), (("I", 1),), ((1, 1),), "I", "while H\n  leave NETWORKS",
    ),
    "short stages": Course(
        "S, P, Q, I, R", "from S by contagion to P\nfrom P LAW_0 to Q\nfrom Q LAW_1 to I\nfrom I LAW_2 to R",
        ((0.1, 0.3), (0.05, 0.4), (0.5, 3)), (("P", 2), ("I", 1)), ((0, 2), (2, 1)),
    ),
}  # fmt: skip
CYCLES = {
    "sirs": Course(
        "S, I, R", "from S by contagion to I\nfrom I LAW_0 to R\nfrom R LAW_1 to S", ((2, 5), (10, 20)), (("I", 1),),
        ((0, 1),),
    ),
    "seis": Course(
        "S, E, I", "from S by contagion to E\nfrom E LAW_0 to I\nfrom I LAW_1 to S", ((1, 3), (3, 6)), (("I", 1),),
        ((1, 1),),
    ),
}  # fmt: skip
PER_TIE = (
    "as erdos_renyi(degree 8) with 1 contact per day per tie",
    "as random_regular(degree 10) with 1 contact per day per tie",
    "as small_world(degree 8, rewiring 20 %) with 1 contact per day per tie",
    "as configuration(degrees poisson(mean 7)) with 1 contact per day per tie",
)
"""Eight contacts a day or so, where who is absent changes nothing for anybody else."""
SPREAD_EVENLY = (
    "as erdos_renyi(degree 8) with 8 contacts per day",
    "at random with 8 contacts per day",
    "at random mixing by mixing",
    "at random with 7 contacts per day * activity",
)
AT_HOME = ("sharing home with 2 contacts per day per tie", "sharing home with 4 contacts per day")
MODEL = """\
model drawn_NUMBER version 1.0

clock
  step STEP
  from 2024-01-01 for 400 days

table mixing by age, age of contacts per day
  young young 7
  young old 2
  old young 2
  old old 4

agent Person count 50_000
  age category ~ categorical(young 50 %, old 50 %)
  home place of size 4
  careful yes/no ~ bernoulli(40 %)
  activity number ~ uniform(0.5, 1.5)
  shedding number ~ uniform(0.2, 1.8)

"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A model of the generator. ``means``: of its dwell times in days."""

    name: str
    text: str

    def at(self, step: str) -> str:
        """The text with its step, such as ``1 day``."""
        return self.text.replace("STEP", step)


def drawn(kind: str, number: int) -> Drawn:
    """The model of a seed, with a course of illness of that name."""
    r = random.Random(f"exposure {kind} {number}")
    course = {**COURSES, **CYCLES}[kind]
    means = [r.uniform(*bounds) for bounds in course.means]
    absent = bool(course.more)
    wide = PER_TIE if absent else PER_TIE + SPREAD_EVENLY
    networks = r.sample(wide, r.choice((1, 2))) + r.choice(([], [AT_HOME[0] if absent else r.choice(AT_HOME)]))
    names = [f"net_{k}" for k in range(len(networks))]
    days = sum(means[k] * weight for k, weight in course.of_infectious)
    beta = min(r.uniform(1.8, 2.6) / (8 * len(networks) * days), 1.0)
    parts = [MODEL.replace("NUMBER", str(number))]
    parts += [f"network {n} joins Person {how}\n" for n, how in zip(names, networks, strict=True)]
    parts += [_condition(course, means, names, r), _contagion(course, beta, names, r)]
    parts += [f"observe infectious = count of Person where {_either(course)} every day\n"]
    return Drawn(f"{kind} {number}", "\n".join(parts))


def _either(course: Course) -> str:
    return " or ".join(f"Flu is {state}" for state, _ in course.spread)


def _condition(course: Course, means: list[float], names: list[str], r: random.Random) -> str:
    text = course.text
    for k, mean in enumerate(means):
        text = text.replace(f"LAW_{k}", _law(mean, text.split(f"LAW_{k}")[1].startswith("\n"), r))
    lines = [f"states {course.states}", f"start S except share 0.5 % in {course.seeded}"]
    lines += [*text.splitlines(), *course.more.replace("NETWORKS", ", ".join(names)).splitlines()]
    return "condition Flu of Person\n" + "".join(f"  {line}\n" for line in lines)


def _law(mean: float, branches: bool, r: random.Random) -> str:
    """A dwell time of that mean; not at a rate where branches follow, which are then drawn at another moment."""
    spread = mean * r.uniform(0.3, 0.9)
    laws = [
        f"after fixed({mean:.4f} days)", f"after gamma(mean {mean:.4f} days, sd {spread:.4f} days)",
        f"after exponential(mean {mean:.4f} days)", f"after lognormal(mean {mean:.4f} days, sd {spread:.4f} days)",
        f"at rate {1 / mean:.4f} per day",
    ]  # fmt: skip
    return r.choice(laws[:4] if branches else laws)


def _contagion(course: Course, beta: float, names: list[str], r: random.Random) -> str:
    lines = [f"from {s} on {', '.join(names)} at {weight * beta:.6f} per contact" for s, weight in course.spread]
    if r.random() < 0.5:
        lines.append(f"source scaled by shedding on {r.choice(names)}")
    if r.random() < 0.5:
        lines.append("target scaled by 0.7 where careful")
    return "contagion of Flu\n" + "".join(f"  {line}\n" for line in lines)


MOSQUITOES = Drawn(
    "mosquitoes",
    """\
model mosquitoes version 1.0

clock
  step STEP
  for 300 days

agent Human count 20_000
agent Mosquito count 50_000

network bites joins Mosquito to Human at random with 0.4 contacts per day

condition Fever of Human
  states S, E, I, R
  start S except 200 Human in I
  from S by contagion to E
  from E after fixed(2.3 days) to I
  from I after gamma(mean 5 days, sd 2 days) to R

condition Carriage of Mosquito
  states Clear, Latent, Carrier, Dead
  start Clear
  from Clear by contagion to Latent
  from Latent after lognormal(mean 3 days, sd 1 day) to Carrier
  from Carrier after exponential(mean 8 days) to Dead

contagion of Fever
  from Carrier on bites at 0.4 per contact
contagion of Carriage
  from I on bites at 0.45 per contact

observe infectious = count of Human where Fever is I every day
""",
)
