"""R0, formulas and thresholds of the trials, against exact values that are derived here: nothing is run."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats
from typer.testing import CliRunner

import lpmdsl
from lpmdsl.cli import app
from lpmdsl.insight.document import document
from lpmdsl.insight.summary import Analysis, OfCondition, analysis, as_json, as_text
from lpmdsl.runtime.reports.parts import state_sections
from lpmdsl.semantics.host.evaluate import parameter_values

TRIALS = Path(__file__).parent.parent / "trials"


def analysed(source: str | Path, **values: float) -> Analysis:
    """The analysis of a text or of a trial; a warning of numpy or sympy is an error."""
    model = lpmdsl.load(source).model
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return analysis(model, parameter_values(model, values))


def first(source: str | Path, **values: float) -> OfCondition:
    return analysed(source, **values).conditions[0]


def r0(source: str | Path, **values: float) -> float:
    found = first(source, **values).reproduction
    assert found is not None
    return found.value


def trial(name: str) -> Path:
    return TRIALS / f"{name}.lpm"


# ------------------------------------------------------------------ exits that compete


EXITS = """\
model exits version 1.0
clock
  step 1 day
  for 28 days
agent Person count 2_000
  frail yes/no ~ bernoulli(50 %)
network town joins Person at random
condition C of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
EXITS
contagion of C
  from I on town at 0.3 per day
observe ill = count of Person where C is I every day
"""


def mean_of(*survivals: object) -> float:
    """∫ of the product of survival functions, by adaptive quadrature: the mean of the first of several times."""
    return float(integrate.quad(lambda a: math.prod(s(a) for s in survivals), 0, 400, limit=400, points=[5.0])[0])


def within(law: object):
    return lambda a: float(law.sf(a))  # type: ignore[attr-defined]


FIVE = lambda a: float(a < 5)  # noqa: E731
RATE = lambda a: math.exp(-0.1 * a)  # noqa: E731
GAMMA = within(stats.gamma(4, scale=1.5))
SIGMA = math.sqrt(math.log(1 + 0.25))
LOGNORMAL = within(stats.lognorm(SIGMA, scale=6 / math.exp(SIGMA**2 / 2)))
TENTH = lambda a: 0.9 ** math.floor(a + 1e-9)  # noqa: E731
COMPETING = {
    "exponential, rate": (["after exponential(mean 10 days) to R", "at rate 0.1 per day to R"], 5.0),
    "fixed, rate": (["after fixed(5 days) to R", "at rate 0.1 per day to R"], (1 - math.exp(-0.5)) / 0.1),
    "gamma, rate": (
        ["after gamma(mean 6 days, sd 3 days) to R", "at rate 0.1 per day to R"], (1 - (1 + 0.15) ** -4) / 0.1,
    ),
    "lognormal, rate": (
        ["after lognormal(mean 6 days, sd 3 days) to R", "at rate 0.1 per day to R"], mean_of(LOGNORMAL, RATE),
    ),
    "gamma, fixed": (["after gamma(mean 6 days, sd 3 days) to R", "after fixed(5 days) to R"], mean_of(GAMMA, FIVE)),
    "gamma, lognormal": (
        ["after gamma(mean 6 days, sd 3 days) to R", "after lognormal(mean 6 days, sd 3 days) to R"],
        mean_of(GAMMA, LOGNORMAL),
    ),
    "chance": (["with probability 10 % every 1 day to R"], 10.0),
    "fixed, chance": (
        ["after fixed(5 days) to R", "with probability 10 % every 1 day to R"], sum(0.9**k for k in range(5)),
    ),
    "gamma, chance": (
        ["after gamma(mean 6 days, sd 3 days) to R", "with probability 10 % every 1 day to R"],
        sum(0.9**k * integrate.quad(GAMMA, k, k + 1)[0] for k in range(200)),
    ),
    "exponential, chance": (
        ["after exponential(mean 10 days) to R", "with probability 10 % every 1 day to R"],
        sum(0.9**k * (math.exp(-0.1 * k) - math.exp(-0.1 * k - 0.1)) / 0.1 for k in range(600)),
    ),
    "a rare chance": (["with probability 0.01 % every 1 day to R"], 1e4),
    "exponential, contagion": (["after exponential(mean 10 days) to R", "by contagion to R"], 10.0),
    "fixed, contagion": (["after fixed(5 days) to R", "by contagion to R"], 5.0),
    "exponential, contagion, rate": (
        ["after exponential(mean 10 days) to R", "by contagion to R", "at rate 0.1 per day to R"], 5.0,
    ),
    # Whoever is frail leaves in the next step: half of the people stay one day.
    "fixed, test": (["after fixed(5 days) to R", "when frail to R"], None),
    "exponential, test of the run": (["after exponential(mean 10 days) to R", "when time > 20 days to R"], 10.0),
}  # fmt: skip


def competing(name: str) -> str:
    exits, _ = COMPETING[name]
    return EXITS.replace("EXITS", "\n".join(f"  from I {e}" for e in exits))


@pytest.mark.parametrize("name", COMPETING)
def test_the_mean_time_until_the_first_of_several_exits(name: str) -> None:
    """R0 / 0.3 is the mean infectious time, to 1e-9: ∫ of the product of the survival functions."""
    found = first(competing(name))
    assert found.reproduction is not None
    if (exact := COMPETING[name][1]) is None:
        frail = np.mean(lpmdsl_column("frail", competing(name)))
        exact = 5 * (1 - frail) + 1 * frail
    assert found.reproduction.value == pytest.approx(0.3 * exact, rel=1e-9)
    as_text(Analysis("exits", (found,), ()))


def lpmdsl_column(name: str, text: str) -> np.ndarray:
    from lpmdsl.theory.reproduction import world_of

    model = lpmdsl.load(text).model
    return world_of(model, parameter_values(model)).attributes[("Person", name)]


def test_competing_exits_have_formulas_where_they_close() -> None:
    assert str(first(competing("exponential, rate")).formula) == "3/2"
    assert first(competing("fixed, rate")).formula is not None
    assert first(competing("gamma, rate")).formula is not None
    assert first(competing("gamma, fixed")).formula is None


BRANCHES = """\
model branches version 1.0
clock
  step 1 day
  for 28 days
agent Person count 1_000
network town joins Person at random
condition C of Person
  states S, E, A, B, R
  start S except 20 Person in E
  from S by contagion to E
  from E FIRST to A
  from E SECOND to B
  from A after fixed(4 days) to R
  from B after fixed(1 day) to R
contagion of C
  from A, B on town at 0.5 per day
observe ill = count of Person where C is A every day
"""
WAYS = {
    # P(the first exit comes first); then R0 = 0.5·(4 P + 1 − P).
    ("after exponential(mean 4 days)", "at rate 0.5 per day"): 0.25 / 0.75,
    ("after fixed(3 days)", "at rate 0.2 per day"): math.exp(-0.6),
    ("at rate 0.2 per day", "after gamma(mean 6 days, sd 3 days)"): 1 - (1 + 0.2 * 1.5) ** -4,
    ("after gamma(mean 6 days, sd 3 days)", "after fixed(5 days)"): float(stats.gamma(4, scale=1.5).cdf(5)),
    ("after gamma(mean 6 days, sd 3 days)", "after lognormal(mean 6 days, sd 3 days)"): float(
        integrate.quad(lambda a: stats.gamma(4, scale=1.5).pdf(a) * LOGNORMAL(a), 0, 200, limit=400)[0]
    ),
    ("with probability 20 % every 1 day", "after fixed(3 days)"): 1 - 0.8**3,  # a tie goes to the first
    ("after fixed(3 days)", "with probability 20 % every 1 day"): 0.8**2,
    ("with probability 20 % every 1 day", "with probability 50 % every 1 day"): 0.2 / (0.2 + 0.8 * 0.5),
}


@pytest.mark.parametrize("ways", WAYS, ids=" | ".join)
def test_which_of_two_exits_comes_first(ways: tuple[str, str]) -> None:
    text = BRANCHES.replace("FIRST", ways[0]).replace("SECOND", ways[1])
    assert r0(text) == pytest.approx(0.5 * (1 + 3 * WAYS[ways]), rel=1e-8)


def test_states_that_wait_for_contagion_again_go_on_by_themselves() -> None:
    """Latent people may be infected once more and fall ill by themselves too: R0 = 0.5·4·P(ill before cleared)."""
    text = BRANCHES.replace("  from E FIRST to A\n", "  from E at rate 0.1 per day to A\n  from E by contagion to A\n")
    assert r0(text.replace("SECOND to B", "at rate 0.3 per day to B")) == pytest.approx(0.5 * (4 * 0.25 + 0.75))


def test_a_gamma_time_by_shape_and_rate_has_mean_shape_over_rate() -> None:
    text = competing("fixed, contagion").replace("fixed(5 days)", "gamma(shape 3, rate 0.5 per day)")
    found = first(text.replace("  from I by contagion to R\n", ""))
    assert found.reproduction is not None and found.reproduction.value == pytest.approx(0.3 * 6)
    assert str(found.formula) == "9/5"


# ------------------------------------------------------------------ the trials


def test_trial_after_and_rate() -> None:
    found = first(trial("analyse_after_and_rate"))
    assert found.reproduction is not None and found.reproduction.value == pytest.approx(1.5, rel=1e-9)
    assert found.equations is not None and str(found.formula) == "3/2"


@pytest.mark.parametrize(("days", "share"), [("weekdays", 5 / 7), ("weekends", 2 / 7)])
def test_trial_weekdays_are_in_the_formula_too(days: str, share: float) -> None:
    text = trial("analyse_weekdays_formula").read_text(encoding="utf-8").replace("on weekdays", f"on {days}")
    found = first(text)
    assert found.reproduction is not None and found.formula is not None
    assert found.reproduction.value == pytest.approx(1.5 * share, rel=1e-9)
    assert float(found.formula) == pytest.approx(1.5 * share, rel=1e-12)


def test_trial_states_that_lead_to_each_other() -> None:
    """P(ill | L) = 0.1/1.1; stays in Y 12/7 visits of 1/1.2 years: R0 = 12/1.1·0.1·(1/(1 − 0.5/1.2))/1.2 = 120/77."""
    found = first(trial("states_lead_to_each_other"))
    assert found.reproduction is not None and found.reproduction.value == pytest.approx(120 / 77, rel=1e-9)
    assert str(found.formula) == "120/77"


def test_trial_never_left() -> None:
    """Nobody leaves I: no R0, and still dI/dt = 0.5·I at the start."""
    found = analysed(trial("never_left"))
    numbers = found.conditions[0].reproduction
    assert numbers is not None and math.isinf(numbers.value) and numbers.growth == pytest.approx(0.5)
    text = "\n".join(as_text(found))
    assert "no R0: it is without end, since some who are infectious never leave I" in text and "e+0" not in text
    told = json.loads(as_json(found), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert told["r0"]["A"]["value"] is None and told["r0"]["A"]["expression"] is None
    model = lpmdsl.load(trial("never_left"))
    assert "without end" in document(model.model, model.source, found, {})


def test_states_that_lead_in_circles_without_end() -> None:
    text = BRANCHES.replace("FIRST", "at rate 0.1 per day").replace("SECOND", "at rate 0.1 per day")
    endless = text.replace("from A after fixed(4 days) to R", "from A after fixed(4 days) to B")
    endless = endless.replace("from B after fixed(1 day) to R", "from B after fixed(1 day) to A")
    endless = endless.replace(", R\n", "\n")
    found = first(endless)
    assert found.reproduction is not None and math.isinf(found.reproduction.value)
    assert found.reproduction.kept == "A, B"


def test_ties_that_are_never_left_infect_everybody_once() -> None:
    """On ties of degree 6 somebody infectious for ever infects the five others: R0 = 5."""
    text = trial("never_left").read_text(encoding="utf-8").replace("count 100", "count 1_000")
    assert r0(text.replace("at random", "as random_regular(degree 6)")) == pytest.approx(5.0)


def test_trial_states_of_another_kind_are_named() -> None:
    loaded = lpmdsl.load(trial("two_kinds_state_numbers"))
    sections = state_sections(loaded.model)
    assert '<td class="name">E</td>' in sections and '<td class="name">I</td>' in sections
    assert sections in document(loaded.model, loaded.source, analysed(trial("two_kinds_state_numbers")), {})


def test_a_state_of_another_kind_that_is_away_is_told_by_its_name() -> None:
    """The flies of state E leave the network: nobody is infected on it, and the message names E."""
    text = trial("two_kinds_state_numbers").read_text(encoding="utf-8")
    text = text.replace(
        "  from D at rate 1 per day to E\n", "  from D at rate 1 per day to E\n  while E\n    leave bites\n"
    )
    with pytest.raises(lpmdsl.LpmError, match="those in E leave it"):
        lpmdsl.load(text)


# ------------------------------------------------------------------ below the threshold


DECLINE = {
    # Lotka: 1 = R0·mean discount. SIR: r = β − γ, however far below 0.
    "exponential": ("at random", "after exponential(mean 10 days)", 0.01, 0.01 - 0.1),
    # ∫ over a fixed time: 0.02·(1 − e^(−5 r))/r = 1.
    "fixed": ("at random", "after fixed(5 days)", 0.02, None),
    "ties": ("as random_regular(degree 6)", "after exponential(mean 10 days)", 0.01, None),
    "lattice": ("as ring(degree 6)", "after exponential(mean 10 days)", 0.01, None),
    "places": ("sharing home", "after exponential(mean 10 days)", 0.01, None),
}


@pytest.mark.parametrize("name", DECLINE)
def test_below_the_threshold_it_declines_by_a_number(name: str) -> None:
    how, exit_, beta, exact = DECLINE[name]
    text = competing("fixed, contagion").replace("  from I by contagion to R\n", "")
    text = text.replace("at random", how).replace("after fixed(5 days)", exit_).replace("0.3 per", f"{beta} per")
    text = text.replace("  frail", "  home place of size 4\n  frail")
    found = analysed(text)
    numbers = found.conditions[0].reproduction
    assert numbers is not None and numbers.value < 1 and "nan" not in "\n".join(as_text(found))
    match name:
        case "fixed":
            assert beta * -math.expm1(-5 * numbers.growth) / numbers.growth == pytest.approx(1, rel=1e-6)
        case "exponential":
            assert numbers.growth == pytest.approx(exact, rel=1e-6)
        case _:
            # 5 (or 2) others, each reached at β while ill and not yet reached: n·β/(β + γ + r) = 1.
            others = 2 if name == "places" else 5
            assert numbers.growth == pytest.approx(others * beta - beta - 0.1, rel=1e-6)


def test_a_heavy_tail_declines_more_slowly_than_any_exponential() -> None:
    text = competing("lognormal, rate").replace("  from I at rate 0.1 per day to R\n", "").replace("0.3 per", "0.1 per")
    assert "more slowly than any exponential" in "\n".join(as_text(analysed(text)))


def test_trial_no_warnings_and_a_decline_in_numbers() -> None:
    found = analysed(trial("analyse_warns"))
    text = "\n".join(as_text(found))
    numbers = found.conditions[0].reproduction
    assert numbers is not None and numbers.growth < 0 and "nan" not in text
    assert numbers.value == pytest.approx(0.7573431615385, rel=1e-9)


# ------------------------------------------------------------------ the command


def test_an_exact_power_does_not_hang() -> None:
    done = CliRunner().invoke(app, ["analyse", str(trial("pow"))])
    assert done.exit_code in (0, 1) and "Traceback" not in done.output
