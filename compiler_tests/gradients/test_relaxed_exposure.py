"""A source of the relaxation counts for as long as it is one, on any step: offspring, final sizes and peaks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

import lpmdsl
from lpmdsl.lowering.builder import Builder
from lpmdsl.lowering.relaxed.program import outline_of, relax
from lpmdsl.population.people import build_world
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations, RelaxedRun
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model

STEPS = ("1 hour", "6 hours", "1 day")
TEXT = """\
model exposure version 1.0

clock
  step {step}
  for {days} days

agent Person count 100
{places}
"""
DISEASE = """
condition {name} of Person
  states {states}
  start S{start}
{exits}

contagion of {name}
{spreads}

observe infections_{name} = number entering {infected} of {name} per day
"""
RANDOM = "\nnetwork town joins Person at random\n"
DIRECT = "  from S by contagion to I\n"
LATENT = "  from S by contagion to E\n  from E after {latent} to I\n"
LAWS = {
    "exponential": ("  from I after exponential(mean 5 days) to R", 5.0),
    "fixed": ("  from I after fixed(5 days) to R", 5.0),
    "no whole number of steps": ("  from I after fixed(3.3 days) to R", 3.3),
    "within a step": ("  from I after fixed(0.3 days) to R", 0.3),
    "gamma": ("  from I after gamma(mean 4 days, sd 2 days) to R", 4.0),
    "about a step": ("  from I after gamma(mean 1 day, sd 0.3 days) to R", 1.0),
    "uniform": ("  from I after uniform(1 day, 6 days) to R", 3.5),
    "rate": ("  from I at rate 0.4 per day to R", 2.5),
    "a try a day": ("  from I with probability 20 % every day to R", 5.0),
    "a try a week": ("  from I with probability 80 % every 7 days to R", 8.75),
    "two tries": (
        "  from I with probability 10 % every day to R\n  from I with probability 20 % every day to R",
        1 / 0.28,
    ),
    "competing": ("  from I at rate 0.3 per day to R\n  from I after exponential(mean 5 days) to R", 2.0),
}
FEW_STAGES = ("exponential", "within a step", "about a step", "rate", "competing", "a try a day")
"""Laws that are compiled soon also where a step is an hour; ``fixed`` for all of many stages."""
LATENCIES = ("fixed(3 days)", "exponential(mean 0.8 days)", "gamma(mean 2 days, sd 1 day)")


def written(step: str, diseases: dict[str, str], start: str, spreads: str, days: int = 60, places: str = RANDOM,
            more: str = "") -> Model:  # fmt: skip
    """Independent diseases among 100 people; ``diseases``: by name, the exits. ``{infected}`` of a start: E, else I."""
    text = TEXT.format(step=step, days=days, places=places)
    for name, exits in diseases.items():
        states, infected = ("S, E, I, R", "E") if "to E" in exits else ("S, I, R", "I")
        text += DISEASE.format(name=name, states=states, start=start.format(infected=infected), exits=exits,
                               spreads=spreads, infected=infected)  # fmt: skip
    return lpmdsl.load(text + more).model


def ran(step: str, diseases: dict[str, str], start: str, spreads: str, days: int = 60, places: str = RANDOM,
        more: str = "") -> RelaxedRun:  # fmt: skip
    """A relaxed run of ``written``."""
    model = written(step, diseases, start, spreads, days, places, more)
    values = parameter_values(model)
    return Relaxations(model).run(build_world(model, values, 1, {}), values, model.clock.steps)


# ------------------------------------------------------------------ offspring

RATE = 1e-4
"""A day; so low that what the infected infect is one part in two thousand."""


def check_offspring(step: str, exits: dict[str, tuple[str, float]], start: str, more: str = "", moved: int = 0) -> None:
    """Infections by one case are rate × mean stay within 1 in 1000, half of which the infected's own infections are.

    Everyone is the case with a chance of 1 %, and does not infect himself. ``moved``: entries that are no infections.
    """
    diseases = {f"D{k}": text for k, (text, _) in enumerate(exits.values())}
    moves = "".join(f"    move {name} to I\n" for name in diseases) if moved else ""
    run = ran(step, diseases, start, f"  from I on town at {RATE} per day", more=more + moves)
    for name, (law, (_, mean)) in zip(diseases, exits.items(), strict=True):
        found = (run.reports(f"infections_{name}").sum() - moved) / RATE / 0.99**2
        assert found == pytest.approx(mean, rel=1e-3), law


def direct(step: str) -> dict[str, tuple[str, float]]:
    """The ways of who is a source as soon as infected."""
    laws = (*FEW_STAGES, "fixed") if step == "1 hour" else LAWS
    return {law: (DIRECT + LAWS[law][0], LAWS[law][1]) for law in laws}


@pytest.mark.parametrize("step", STEPS)
def test_an_index_case_infects_rate_times_mean_stay(step: str) -> None:
    """Counted from boundary to boundary it would be 10 % more of five days at a daily step, and 66 % of one."""
    check_offspring(step, direct(step), " except 1 Person in I")


@pytest.mark.parametrize("step", STEPS)
def test_so_does_who_becomes_a_source_within_a_step(step: str) -> None:
    is_fine = step == "1 hour"
    ways = {
        f"{latent}, {law}": (LATENT.format(latent=latent) + LAWS[law][0], LAWS[law][1])
        for latent in LATENCIES[is_fine:]
        for law in (("competing",) if is_fine else ("exponential", "fixed", "competing"))
    }
    check_offspring(step, ways, " except 1 Person in E")


@pytest.mark.parametrize("step", STEPS)
def test_so_does_who_is_moved_by_an_intervention(step: str) -> None:
    imports = (
        "\nintervention imports\n  starts after 5 days\n  stops after 1 day\n"
        "  every day for at most 1 Person\n"
    )  # fmt: skip
    check_offspring(step, direct(step), "", imports, moved=1)


# ------------------------------------------------------------------ whole epidemics

EPIDEMICS = {
    "SEIR_fixed": LATENT.format(latent="fixed(3 days)") + LAWS["fixed"][0],
    "SEIR_exponential": LATENT.format(latent="exponential(mean 3 days)") + LAWS["exponential"][0],
    "SIR_exponential": DIRECT + LAWS["exponential"][0],
}


@lru_cache
def epidemics(step: str) -> RelaxedRun:
    """Three independent epidemics with R0 2.2 among 100 people, two of them infected at the start."""
    return ran(step, EPIDEMICS, " except 2 Person in {infected}", "  from I on town at 0.44 per day", 240)


@pytest.mark.parametrize("name", EPIDEMICS)
def test_the_peak_of_a_daily_step_is_that_of_an_hour_within_one_percent(name: str) -> None:
    """Counted from boundary to boundary it would be 7 to 11 % too low."""
    day, hours, hour = (epidemics(s).reports(f"infections_{name}").max() for s in ("1 day", "6 hours", "1 hour"))
    assert day == pytest.approx(hour, rel=0.01)
    assert hours == pytest.approx(hour, rel=0.005)


@pytest.mark.parametrize("name", EPIDEMICS)
def test_final_sizes_solve_their_equation_on_every_step(name: str) -> None:
    """Of who was not infected at the start: s = s₀ exp(−rate · mean · ill / people), where nobody infects himself."""
    people, s0 = 100, 1 - 0.02
    s = 0.1
    for _ in range(500):
        s = s0 * np.exp(-0.44 * 5 * (people - 1) * (1 - s) / people)
    for step in STEPS:
        found = epidemics(step).reports(f"infections_{name}").sum()
        assert found == pytest.approx(people * (s0 - s), rel=1e-6), step


WOVEN = """\
  household place of size 4
  club place of size 9

network homes joins Person sharing household
network clubs joins Person sharing club with 0.6 contacts per day
network friends joins Person as erdos_renyi(degree 3)
network town joins Person at random
"""
WOVEN_SPREADS = """\
  from I on homes at 0.08 per day
  from I on clubs at 0.3 per contact
  from I on friends at 0.05 per day
  from I on town at 0.05 per day"""
WAYS = {
    "Competing": DIRECT + LAWS["competing"][0],
    "ShortLatency": LATENT.format(latent="exponential(mean 0.8 days)") + LAWS["uniform"][0],
}


def test_everybody_ends_with_the_same_chance_on_every_step() -> None:
    """Nobody's exposure hangs on the step: 100 people on ties, in homes and clubs, and in town."""
    hour, *others = (
        ran(step, WAYS, " except 3 Person in I", WOVEN_SPREADS, days=150, places=WOVEN) for step in STEPS
    )  # fmt: skip
    for name in WAYS:
        susceptible = hour.buffers[f"{name}_chance"][:, 0]
        assert susceptible.min() > 0.01 and np.ptp(susceptible) > 0.1
        for other in others:
            np.testing.assert_allclose(other.buffers[f"{name}_chance"][:, 0], susceptible, rtol=1e-6, err_msg=name)


# ------------------------------------------------------------------ the second look


def test_there_is_a_second_look_where_the_infected_infect_soon() -> None:
    """Below 1.75 steps from infection to being a source, in the median; with a latency that nobody ends at once nothing
    is owed."""
    gamma = LATENT.format(latent="gamma(mean 1.5 days, sd 0.6 days)") + LAWS["fixed"][0]
    ways = {"Direct": EPIDEMICS["SIR_exponential"], "Fixed": EPIDEMICS["SEIR_fixed"], "Gamma": gamma,
            "Exponential": EPIDEMICS["SEIR_exponential"],
            "Sooner": LATENT.format(latent="exponential(mean 2.5 days)") + LAWS["fixed"][0]}  # fmt: skip
    for step, soon, owing in (
        ("1 day", {"Direct", "Gamma", "Sooner"}, {"Direct", "Exponential", "Sooner"}),
        ("6 hours", {"Direct"}, {"Direct", "Exponential", "Sooner"}),
    ):
        outline = outline_of(
            model := written(step, ways, " except 1 Person in I", "  from I on town at 0.1 per day"), {}
        )
        made = {k.name for k in relax(model, outline).program.kernels}
        assert outline.looked_again == soon == Builder(model).again
        assert {name for name in ways if f"owe_{name}" in made} == owing
        assert {name for name in ways if f"again_{name}" in made} == soon & owing
