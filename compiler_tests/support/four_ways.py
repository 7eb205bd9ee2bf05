"""One model run every way that there is: reference, sparse program on one and two threads, dense program, Triton."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.lowering.dense.program import lower
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.passes.fusion import optimise
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.semantics.model import Model


def same_four_ways(model: Model, agents: int | None, seed: int = 1) -> RunResult:
    """The outcome, after an assertion that all four ways of a processor give it."""
    request, made = request_of(model, agents, seed), compiled(model)
    result = cpu_run(made)(request)
    assert_same(result, runner(model, "reference")(request))
    assert_same(result, cpu_run(made, 2)(request))
    assert_same(result, cpu_run(replace(made, cpu=optimise(expand_draws(lower(model)))))(request))
    return result


def same_on_gpu(model: Model, agents: int | None, steps: int) -> None:
    """Assert that Triton's interpreter gives the outcome of a processor; ``steps``: few, since it is slow."""
    assert os.environ.get("TRITON_INTERPRET") == "1"
    request, made = replace(request_of(model, agents, 1), steps=steps), compiled(model)
    (result,) = gpu_runner(made, None)([request], None)
    assert_same(cpu_run(made)(request), result)


def assert_all_seen(result: RunResult) -> None:
    """Assert that every observation has seen something: else a construct that does nothing would pass."""
    for name, values in result.observations.items():
        assert np.nansum(np.abs(values)) > 0, f"{name} never saw anything"
