"""Counts of everybody in rates, chances and rules: what is at the beginning of the step, in every back end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.four_ways import same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError

ZOMBIES = """model zombies

clock
  step 1 day
  for 40 days

parameter bite = 0.6 per day
parameter fight = 0.2 per day

agent Person count 1_000
  borough category ~ categorical(north 50 %, south 50 %)

condition Status of Person
  states Alive, Zombie, Dead
  start Alive except 20 Person in Zombie
  from Alive at rate bite * (count of Person where Status is Zombie in their borough) / population to Zombie
  from Zombie at rate fight * (count of Person where Status is Alive) / population to Dead

rule flee of Person
  where Status is Alive and (share of Person where Status is Zombie in their borough) > 5 %
    set borough to north with probability 10 %

observe zombies_now = count of Person where Status is Zombie by borough
observe dead = number entering Dead per day
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_counts_are_the_same_every_way(seed: int) -> None:
    result = same_four_ways(lpmdsl.load(ZOMBIES).model, 1_000, seed)
    assert result.observations["dead"].sum() > 100


def test_a_gpu_counts_the_same() -> None:
    same_on_gpu(lpmdsl.load(ZOMBIES).model, 400, steps=12)


def test_what_only_the_model_reads_is_no_result() -> None:
    result = lpmdsl.load(ZOMBIES).run(agents={"Person": 200})
    assert set(result.table.columns["observation"]) == {"zombies_now", "dead"}


HUNT = """model hunt

clock
  step 0.02 days
  for 4 days

parameter eaten = 0.05 per day
parameter starving = 0.3 per day

agent Prey count {prey}
agent Hunter count {hunters}

condition Life of Prey
  states Alive, Dead
  start Alive
  from Alive at rate eaten * (count of Hunter where Luck is Alive) / (1 person) to Dead

condition Luck of Hunter
  states Alive, Dead
  start Alive
  from Alive at rate starving * (1 - (share of Prey where Life is Alive)) to Dead

observe prey_left = count of Prey where Life is Alive every 4 days
observe hunters_left = count of Hunter where Luck is Alive every 4 days
"""


def chain(prey: int, hunters: int, days: float, step: float) -> tuple[float, float]:
    """Expected numbers of both after some days, from the Markov chain (uniformised with a step that is a tenth)."""
    dt = step / 10
    p = np.zeros((prey + 1, hunters + 1))
    p[prey, hunters] = 1.0
    a, b = np.arange(prey + 1)[:, None], np.arange(hunters + 1)[None, :]
    eaten, starved = 0.05 * a * b * dt, 0.3 * b * (1 - a / prey) * dt
    for _ in range(round(days / dt)):
        move = p * (1 - eaten - starved)
        move[:-1] += (p * eaten)[1:]
        move[:, :-1] += (p * starved)[:, 1:]
        p = move
    return float((p * a).sum()), float((p * b).sum())


def test_hunters_and_prey_follow_their_markov_chain() -> None:
    """Twenty and twenty, whose rates hang on one another's numbers: means after four days of 400 replicates, |z| < 3.

    A rate is held over a step of 0.02 days, which moves the means by less than a tenth of their standard errors.
    """
    model = lpmdsl.load(HUNT.format(prey=20, hunters=20)).model
    run = runner(model, "cpu")
    request = request_of(model, None, 1)
    ends = [run(replace(request, replicate=k)).observations for k in range(400)]
    found = np.array([(e["prey_left"][-1, 0], e["hunters_left"][-1, 0]) for e in ends])
    z = (found.mean(axis=0) - chain(20, 20, 4.0, 0.02)) / (found.std(axis=0, ddof=1) / np.sqrt(len(found)))
    assert np.abs(z).max() < 3, z
    assert_same(run(request), runner(model, "reference")(request))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("observe wrong = count of Person where Status is Zombie in their borough every day", "E1109"),
        ("rule wrong of Person\n  where (count of Person in their district) > 5\n    set borough to north", "E0201"),
        ("rule wrong of Person\n  where (count of Person in their size) > 5\n    set borough to north", "E1110"),
        ("intervention wrong\n  every day for Person where (count of Person where Status is Zombie) > 5\n"
         "    set borough to north", "E0706"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_told(line: str, code: str) -> None:
    text = ZOMBIES.replace("agent Person count 1_000\n", "agent Person count 1_000\n  size number = 1\n") + "\n" + line
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text + "\n")
    assert {d.code for d in raised.value.report.diagnostics if d.severity == "error"} == {code}
