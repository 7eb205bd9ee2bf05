"""Contagions along directed ties: every way of running alike, lines and rings, the law of a rate, R0, gradients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner
from compiler_tests.support.four_ways import same_four_ways, same_on_gpu
from lpmdsl.config import RunOptions
from lpmdsl.lowering.dense.program import lower
from lpmdsl.population.people import build_world
from lpmdsl.program.passes.push_pull import push_or_pull
from lpmdsl.runtime.api import repeats_of
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations
from lpmdsl.runtime.gradients.score.gradient import by_score
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.theory.reproduction import reproduction

TEXT = """model following version 1.0

clock
  step {step}
  for 40 days

parameter beta = 0.1 per day

agent Person count {people}
  x number ~ uniform(0, 1)
  away yes/no ~ bernoulli(10 %)

network follows joins Person {how}{more}

condition Idea of Person
  states Deaf, Convinced, Gone
  start Deaf except {first} in Convinced
  from Deaf {catching} to Convinced
  from Convinced after exponential(mean 4 days) to Gone
{again}
{contagion}
observe new = number entering Convinced per day
observe deaf = count of Person where Idea is Deaf every day
observe gone = count of Person where Idea is Gone every day
"""
ER = "as erdos_renyi(degree 5) directed"
CONTAGION = "contagion of Idea\n  from Convinced on {on} at {rate}\n"


def text(**changes: str) -> str:
    parts = {"step": "1 day", "people": "1_000", "how": ER, "more": "", "first": "30 Person", "again": "",
             "catching": "by contagion", "on": "follows", "rate": "beta"} | changes  # fmt: skip
    spread = CONTAGION.format(on=parts.pop("on"), rate=parts.pop("rate"))
    parts["contagion"] = parts.get("contagion", spread)
    return TEXT.format(**parts)


AGAIN = "  from Gone after exponential(mean 6 days) to Deaf"
SCALED = "  source scaled by 2 where x > 0.5\n  target scaled by x\n"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"how": f"{ER} back followers", "on": "followers"},
        {"how": f"{ER} back followers", "on": "follows, followers"},
        {"rate": "beta * (0.5 + x)"},
        {"again": AGAIN},
        {"more": " where not away", "contagion": CONTAGION.format(on="follows", rate="beta") + SCALED},
        {"how": "as configuration(degrees 2 * x + 3) directed", "step": "6 hours"},
        {"again": "network follows_back joins Person as ring(degree 2)", "on": "follows, follows_back"},
    ],
)
def test_all_ways_go_along_directed_ties_alike(changes: dict[str, str]) -> None:
    result = same_four_ways(lpmdsl.load(text(**changes)).model, None)
    assert result.observations["new"].sum() > 100


@pytest.mark.parametrize("again", ["", AGAIN])
def test_a_gpu_goes_along_directed_ties_alike(again: str) -> None:
    model = lpmdsl.load(text(again=again, rate="0.5 per day")).model
    same_on_gpu(model, 120, steps=6)
    program = lower(model)
    assert push_or_pull(program) == program, "ties that lead one way are gone along from the sources alone"
    mutual = lower(lpmdsl.load(text(again=again, how=ER.removesuffix(" directed"))).model)
    assert push_or_pull(mutual) != mutual


LINE, PEOPLE = 12, 240


def line_model(folder: Path, on: str, first: str) -> lpmdsl.LoadedModel:
    """Lines of 12: each follows the one before it, so 11 → 10 → … → 0."""
    rows = [f"{k},{k - 1}" for k in range(PEOPLE) if k % LINE]
    (folder / "line.csv").write_text("source,target\n" + "\n".join(rows) + "\n")
    places = "  spot number\n"
    (folder / "people.csv").write_text("spot\n" + "\n".join(str(k % LINE) for k in range(PEOPLE)) + "\n")
    made = text(how='from "line.csv" directed back followers', on=on, first=first, rate="1 per day", people=str(PEOPLE))
    made = made.replace(f"agent Person count {PEOPLE}\n", f'agent Person from "people.csv"\n{places}')
    made += "observe before = count of Person where spot < 6 and Idea is Deaf every day\n"
    made += "observe behind = count of Person where spot > 6 and Idea is Deaf every day\n"
    (folder / "m.lpm").write_text(made)
    return lpmdsl.load(folder / "m.lpm")


@pytest.mark.parametrize(("on", "spared"), [("follows", "before"), ("followers", "behind")])
def test_nobody_is_infected_against_the_direction(tmp_path: Path, on: str, spared: str) -> None:
    """Those in the middle of 20 lines begin: of one half nobody is infected, of the other most."""
    result = same_four_ways(line_model(tmp_path, on, "where spot > 5.5 and spot < 6.5").model, None).observations
    whole = {"before": 20 * 6, "behind": 20 * 5}
    other = {"before": "behind", "behind": "before"}[spared]
    assert np.all(result[spared] == whole[spared])
    assert result[other].ravel()[-1] < 0.7 * whole[other]


@pytest.mark.parametrize("step", ["1 day", "2 hours"])
def test_one_tie_passes_on_with_the_chance_of_its_hazard(tmp_path: Path, step: str) -> None:
    """Pairs, one of whom begins: b / (b + g) of 0.3 and 1/4 a day in the long run; |z| < 4 of 4 000, at any step."""
    pairs = 4_000
    (tmp_path / "pairs.csv").write_text("source,target\n" + "".join(f"{2 * k},{2 * k + 1}\n" for k in range(pairs)))
    (tmp_path / "people.csv").write_text("leads\n" + "no\nyes\n" * pairs)
    made = text(how='from "pairs.csv" directed', first="where leads", rate="0.3 per day", step=step)
    made = made.replace("agent Person count 1_000\n", 'agent Person from "people.csv"\n  leads yes/no\n')
    (tmp_path / "m.lpm").write_text(made)
    result = same_four_ways(lpmdsl.load(tmp_path / "m.lpm").model, None).observations
    chance = 0.3 / 0.55 * (1 - np.exp(-0.55 * 40))
    infected = 2 * pairs - result["deaf"].ravel()[-1] - pairs
    assert abs(infected - pairs * chance) < 4 * np.sqrt(pairs * chance * (1 - chance))


def test_a_contagion_has_the_law_of_a_rate_by_those_whom_one_follows() -> None:
    """Final sizes of 60 runs of either at a step of 2 hours: means apart by |z| < 4, on the same graph."""
    both = {}
    rate = "at rate beta * (count of follows where their.Idea is Convinced)"
    for name, changes in {"contagion": {}, "rate": {"catching": rate, "contagion": ""}}.items():
        model = lpmdsl.load(text(step="2 hours", people="400", **changes)).model
        run = runner(model, "cpu")
        request = request_of(model, None, 1)
        sizes = []
        for seed in range(60):
            one = replace(request_of(model, None, seed + 1), world=request.world)
            sizes.append(400 - run(one).observations["deaf"].ravel()[-1])
        both[name] = np.array(sizes, float)
    a, b = both["contagion"], both["rate"]
    assert a.mean() > 60
    assert abs(a.mean() - b.mean()) < 4 * np.sqrt(a.var(ddof=1) / 60 + b.var(ddof=1) / 60)


def test_offspring_are_those_who_follow() -> None:
    """R0 = followers · b / (b + g), and who is infected has as many followers as anybody: the two are independent.

    Within 2 %, what a sample's mean degree is off; also where everybody follows ten and is followed by Poisson(10).
    """
    for how, mean in ((ER, 5), ("as configuration(degrees fixed(10)) directed", 10)):
        model = lpmdsl.load(text(how=how, people="20_000")).model
        found = reproduction(model, model.conditions[0], parameter_values(model))
        assert found.value == pytest.approx(mean * 0.1 / 0.35, rel=0.02)
        assert any("directed" in said for said in found.assumptions)


def test_what_leads_back_is_used_up(tmp_path: Path) -> None:
    """All ties both ways on a ring of six neighbours: as without direction, R0 counts one tie less; 1e-9."""
    n, pairs = 60, [(k, (k + d) % 60) for k in range(60) for d in (1, 2, 3)]
    rows = [f"{a},{b}\n{b},{a}" for a, b in pairs]
    (tmp_path / "ring.csv").write_text("source,target\n" + "\n".join(rows) + "\n")
    values = []
    for directed in (" directed", ""):
        (tmp_path / "m.lpm").write_text(text(how=f'from "ring.csv"{directed}', people=str(n)))
        model = lpmdsl.load(tmp_path / "m.lpm").model
        values.append(reproduction(model, model.conditions[0], parameter_values(model)).value)
    assert values[0] == pytest.approx(values[1], rel=1e-9) == pytest.approx(5 * 0.1 / 0.35, rel=1e-6)


def test_the_relaxation_turns_round_along_the_other_ends() -> None:
    """The adjoint of a weighed sum of reports, against five-point differences: 3 in 10⁸."""
    model = lpmdsl.load(text(people="300")).model
    values, programs = parameter_values(model), Relaxations(model)
    world = build_world(model, values, 1, {})
    weights = np.linspace(1, 2, 41)

    def weighed(beta: float) -> float:
        run = programs.run(world, values | {"beta": beta}, 40)
        return float(np.sum(weights * run.reports("gone").ravel()))

    step = 1e-3 * values["beta"]
    low2, low, high, high2 = (weighed(values["beta"] + k * step) for k in (-2, -1, 1, 2))
    measured = (low2 - 8 * low + 8 * high - high2) / 12 / step
    found = programs.run(world, values, 40).pulled_back({"gone": weights[:, None]}, ("beta",))
    assert found[0] == pytest.approx(measured, rel=3e-8)


def test_the_score_is_the_slope_of_a_pairs_chance(tmp_path: Path) -> None:
    """Derivative of 60 pairs' infections by beta, n·d/db of b/(b + g)·(1 − e^(−(b + g)T)); |z| < 4 of 400 runs.

    Whoever begins cannot be infected, so run for run it is that of ties without a direction.
    """
    pairs, b, g = 60, 0.3, 0.25
    (tmp_path / "pairs.csv").write_text("source,target\n" + "".join(f"{2 * k},{2 * k + 1}\n" for k in range(pairs)))
    (tmp_path / "people.csv").write_text("leads\n" + "no\nyes\n" * pairs)
    found = []
    for directed in (" directed", ""):
        made = text(how=f'from "pairs.csv"{directed}', first="where leads", step="6 hours")
        made = made.replace("agent Person count 1_000\n", 'agent Person from "people.csv"\n  leads yes/no\n')
        (tmp_path / "m.lpm").write_text(made.replace("beta = 0.1", "beta = 0.3"))
        repeats = repeats_of(lpmdsl.load(tmp_path / "m.lpm"), "total of new", RunOptions(seed=1, replicates=400), True)
        found.append(by_score(repeats, ("beta",)).each({}, 400)[:, 0])
    each, other = found
    assert np.array_equal(each, other)

    def infections(beta: float) -> float:
        return pairs * beta / (beta + g) * (1 - np.exp(-(beta + g) * 40))

    slope = (infections(b + 1e-5) - infections(b - 1e-5)) / 2e-5
    error = each.std(ddof=1) / np.sqrt(len(each))
    assert abs(each.mean() - slope) < 4 * error and error < 0.1 * slope, (each.mean(), slope, error)
