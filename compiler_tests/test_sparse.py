"""The program that touches only what changes gives the counts of the one that goes through everyone.

Both run on the CPU back end; the dense one is held against the reference elsewhere (``test_backends_agree``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from both_backends import MODELS, assert_same, compiled, cpu_run, loaded, request_of

import lpmdsl
from lpmdsl.backends.request import RunRequest, RunResult
from lpmdsl.compiler import Compiled
from lpmdsl.kernel.lower_sparse import why_dense
from lpmdsl.runtime.execute import cpu_runner, make_buffers, size_values

NETWORK = next(p for p in MODELS if p.stem == "sir_network")
SEIR = Path(__file__).parent.parent / "benchmarks" / "seir_network.lpm"

TWO_NETWORKS = """
model two_networks version 1.0

clock
  step 0.5 days
  from 2024-01-01 for 60 days

parameter rate = 0.08 per day

agent Person count 3_000
  group category ~ categorical("a" 50 %, "b" 30 %, "c" 20 %)
  careful yes/no ~ bernoulli(40 %)

network friends joins Person as erdos_renyi(degree 4)
network ring_of joins Person as ring(degree 2)

condition Flu of Person
  states S, E, I, A, R
  start S except 15 Person in I
  from S by contagion
    to E with probability 90 %
    to A otherwise
  from E after gamma(mean 2 days, sd 1 day)
    to I with probability 70 %
    to A otherwise
  from I after lognormal(mean 4 days, sd 3 days) to R
  from A after uniform(min 0.1 days, max 6 days)
    to S with probability 30 %
    to R otherwise
  from R after exponential(mean 20 days) to S

contagion of Flu
  from I on friends at rate
  from I on ring_of at 2 * rate
  from A on friends at rate / 2
  source scaled by 0.5 where careful
  target scaled by 0.7 where careful on friends
  target scaled by 1.5 where group is c

observe infections = number entering E, A per day by group
observe reported = number entering I per week thinned by 40 % delayed by gamma(mean 5 days, sd 3 days)
observe infectious = count of Person where Flu is I by group every day
observe share_a = share of Person where Flu is A by group every week
observe careful_ill = count of Person where careful and (Flu is I or Flu is A) every 3 days
observe doubled = 2 * infections every day

check always count of Person where Flu is I <= population
check always share of Person where Flu is E < 0.5
"""

SIS = """
model sis version 1.0

clock
  step 1 day
  for 200 days

agent Person count 500

network friends joins Person as erdos_renyi(degree 6)

condition Cold of Person
  states S, I
  start S except 50 Person in I
  from S by contagion to I
  from I after exponential(mean 2 days) to S

contagion of Cold
  from I on friends at 0.2 per day

observe colds = number entering I per day
observe ill = count of Person where Cold is I every day
"""


def both(made: Compiled, request: RunRequest, threads: int = 1) -> RunResult:
    """The sparse result, after the dense one was found to be the same."""
    assert made.sparse is not None
    result = cpu_run(made, threads)(request)
    assert_same(cpu_run(replace(made, sparse=None))(request), result)
    return result


def of_text(text: str) -> Compiled:
    return compiled(lpmdsl.load(text).model)


# ------------------------------------------------------------------ the same counts


@pytest.mark.parametrize("path", [NETWORK, SEIR], ids=lambda p: p.stem)
@pytest.mark.parametrize("threads", [1, 2])
def test_models_on_ties_give_the_dense_counts(path: Path, threads: int) -> None:
    """Seven chunks of agents, and lists of many chunks, for two threads to share."""
    made = compiled(loaded(path).model)
    result = both(made, request_of(made.model, 100_000, 4), threads)
    infections = next(iter(result.observations.values()))
    assert infections.sum() > 50_000


def test_scenarios_and_replicates_give_the_dense_counts() -> None:
    made = compiled(loaded(NETWORK).model)
    for scenario in made.model.scenarios:
        both(made, request_of(made.model, 5_000, 1, scenario.name, replicate=3))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_networks_with_groups_and_returns_give_the_dense_counts(seed: int) -> None:
    """Branches, five laws of dwell time, waning, scalings at both ends, levels by group, thinned and late reports."""
    made = of_text(TWO_NETWORKS)
    result = both(made, request_of(made.model, 3_000, seed))
    for name, values in result.observations.items():
        assert np.nansum(values) > 0, f"{name} never saw anything"


def test_the_calendar_gives_its_blocks_back() -> None:
    """Some hundred thousand colds go through a calendar of some dozen blocks."""
    made = of_text(SIS)
    request = replace(request_of(made.model, 500, 1), steps=1_000)
    result = both(made, request)
    used = run_and_keep(made, request)["Cold_calendar_pool"][2]
    assert result.observations["colds"].sum() > 90_000
    assert 10 < used < 100, "one block for each step within the longest colds"


def test_lists_and_sets_hold_what_they_should_at_the_end() -> None:
    """The susceptible stand in exactly one set; all with an infectious neighbour, and few others, are at risk."""
    made = of_text(SIS)
    request = replace(request_of(made.model, 500, 2), steps=37)
    states = cpu_run(made)(request).states["Cold"]
    buffers = run_and_keep(made, request)
    (ties,) = request.world.ties.values()
    sources = np.repeat(np.arange(500), np.diff(ties.offsets))
    force = np.bincount(ties.targets, weights=states[sources] == 1, minlength=500) > 0
    at_risk, at_ease = (members(buffers[f"Cold_{name}"]) for name in ("at_risk", "at_ease"))
    np.testing.assert_array_equal(at_risk | at_ease, states == 0)
    assert not (at_risk & at_ease).any()
    assert at_risk[force & (states == 0)].all()
    # Whose last infectious neighbour recovered in the last step is found out in the next.
    assert np.count_nonzero(at_risk & ~force) < 0.3 * np.count_nonzero(at_risk)


def members(bits: np.ndarray) -> np.ndarray:
    return np.unpackbits(bits.view(np.uint8), bitorder="little")[:500].astype(bool)


def run_and_keep(made: Compiled, request: RunRequest) -> dict[str, np.ndarray]:
    """The buffers after a run."""
    from lpmdsl.backends.numba_cpu import buffer_arguments, size_arguments
    from lpmdsl.runtime.build import build
    from lpmdsl.runtime.execute import Team

    module, program = build(made), made.cpu_program
    sizes = size_values(program, request)
    buffers = make_buffers(program, request, sizes)
    named = [sizes[n] for n in size_arguments(program)] + [buffers[n] for n in buffer_arguments(program)]
    with Team(1) as team:
        team.run(module.begin, -1, 0, [np.uint64(request.seed), request.replicate, *named])
        team.run(module.run_steps, 0, request.steps, [np.uint64(request.seed), request.replicate, *named])
    return buffers


# ------------------------------------------------------------------ which models


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("from I after exponential(mean 2 days) to S", "from I at rate 0.5 per day to S"), "in any step"),
        (("  from I after", "  from S after fixed(90 days) to I\n  from I after"), "another exit beside contagion"),
        (("as erdos_renyi(degree 6)", "at random with 6 contacts per day"), "not ties"),
        (("at 0.2 per day", "at 0.2 per day * (1 + 0.1 * sin(time / 1 day))"), "changes with time"),
        (("where Cold is I every day", "where Cold is I thinned by 50 % every day"), "thinned"),
    ],
)
def test_what_is_not_sparse_is_named_and_runs_densely(change: tuple[str, str], reason: str) -> None:
    text = SIS.replace(*change)
    assert text != SIS
    if "at random" in change[1]:
        text = text.replace("at 0.2 per day", "at 0.03 per contact")
    model = lpmdsl.load(text).model
    assert reason in why_dense(model)
    assert compiled(model).sparse is None
    assert cpu_runner(compiled(model))(request_of(model, 300, 1), None).observations["colds"].sum() > 0
