"""One model run every way that the CPU has: reference, sparse program on one and two threads, dense program."""

from __future__ import annotations

from dataclasses import replace

from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.lowering.dense.program import lower
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.passes.fusion import optimise
from lpmdsl.semantics.model import Model


def same_four_ways(model: Model, agents: int | None, seed: int = 1) -> RunResult:
    """The outcome, after an assertion that all four ways give it."""
    request = request_of(model, agents, seed)
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    assert_same(result, runner(model, "cpu", 2)(request))
    assert_same(result, cpu_run(replace(compiled(model), cpu=optimise(expand_draws(lower(model)))))(request))
    return result
