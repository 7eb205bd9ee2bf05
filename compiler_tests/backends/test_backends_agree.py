"""The CPU kernels and the torch reference give the same numbers, and so does any number of threads.

The models of ``models/`` are what people run; the three at the end are built by hand to hold everything else at once.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler_tests.example_models.kitchen_sinks import SINKS, sink_request
from compiler_tests.support import builders as b
from compiler_tests.support.both_backends import MODELS, assert_same, loaded, request_of, runner, small_requests
from lpmdsl.backends.request import RunResult
from lpmdsl.quantities import BOOLEAN, NUMBER

TOWN = next(p for p in MODELS if p.stem == "town_flu")
NETWORK = next(p for p in MODELS if p.stem == "sir_network")


def events(result: RunResult) -> float:
    """How much happened: the sum of what was reported."""
    return float(sum(np.nansum(np.abs(v)) for v in result.observations.values()))


# ------------------------------------------------------------------ models/


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models_agree_at_2_000_agents(path: Path) -> None:
    model = loaded(path).model
    cpu, reference = runner(model, "cpu"), runner(model, "reference")
    outcomes = []
    for request in small_requests(path):
        outcomes.append(cpu(request))
        assert_same(outcomes[-1], reference(request))
    assert events(outcomes[0]) > 0
    reports = zip(*(one.observations.values() for one in outcomes[:2]), strict=True)
    assert not all(np.array_equal(a, b, equal_nan=True) for a, b in reports), "another seed, other people"


def test_scenarios_of_the_town_agree() -> None:
    model = loaded(TOWN).model
    cpu, reference = runner(model, "cpu"), runner(model, "reference")
    outcomes = [events(cpu(request_of(model, 2_000, 1)))]
    for scenario in model.scenarios:
        request = request_of(model, 2_000, 1, scenario.name)
        result = cpu(request)
        assert_same(result, reference(request))
        outcomes.append(events(result))
    assert len(set(outcomes)) == len(outcomes), "a scenario that changes nothing compares nothing"


@pytest.mark.parametrize("path", [TOWN, NETWORK], ids=lambda p: p.stem)
def test_one_thread_or_two_at_200_000_agents(path: Path) -> None:
    """Thirteen chunks of agents: what each thread takes must not show."""
    model = loaded(path).model
    request = request_of(model, 200_000, 3)
    results = [runner(model, "cpu", threads)(request) for threads in (1, 2)]
    assert_same(results[0], results[1])
    assert events(results[0]) > 0


# ------------------------------------------------------------------ everything at once


@pytest.mark.parametrize("name", SINKS)
def test_kitchen_sinks_agree(name: str) -> None:
    model = SINKS[name]()
    cpu, reference = runner(model, "cpu"), runner(model, "reference")
    for seed in (1, 2):
        request = sink_request(model, 600, seed)
        result = cpu(request)
        assert_same(result, reference(request))
        for name, values in result.observations.items():
            assert np.nansum(np.abs(values)) > 0, f"{name} never saw anything"
        assert all(cost > 0 for cost in result.costs.values()), "an intervention that never acted"


# ------------------------------------------------------------------ sums of numbers


def stated_sum(values: list[float]) -> float:
    """The order of ``docs/numerics.md``, in plain loops."""
    lanes = [0.0] * 1024
    for first in range(0, len(values), 16_384):
        chunk = [0.0] * 1024
        for i in range(first, min(first + 16_384, len(values))):
            chunk[i % 1024] += values[i]
        lanes = [a + b for a, b in zip(lanes, chunk, strict=True)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [a + b for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    return lanes[0]


def test_sums_are_added_in_the_stated_order() -> None:
    """Magnitudes of 10⁻²⁰ to 10²⁰ and both signs: any other order of adding ends in other bits."""
    rng = np.random.default_rng(5)
    x = rng.choice([-1.0, 1.0], 50_000) * 10.0 ** rng.uniform(-20, 20, 50_000)
    known = rng.integers(0, 2, x.size)
    observed = (
        b.observe("all", b.total("sum", b.own("x"))),
        b.observe("by_known", b.total("sum", b.own("x")), by=(b.own("known", BOOLEAN),), groups=("no", "yes")),
    )
    m = b.model(1, observations=observed, attributes={"x": NUMBER, "known": BOOLEAN})
    request = b.request(m, x.size, attributes={"x": x, "known": known})
    total = stated_sum(x.tolist())
    halves = [stated_sum(np.where(known == k, x, 0.0).tolist()) for k in (0, 1)]
    assert total not in (sum(x.tolist()), float(np.sum(x)), stated_sum(x[::-1].tolist()))
    for run in (runner(m, "reference"), runner(m, "cpu", 1), runner(m, "cpu", 2)):
        reports = run(request).observations
        assert reports["all"][:, 0].tolist() == [total, total]
        assert reports["by_known"].tolist() == [halves, halves]
