"""One text, run by every back end that runs without a GPU: the counts that they agree on, and what is refused."""

from __future__ import annotations

from dataclasses import replace

from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from lpmdsl.backends.request import RunResult
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Diagnostic, Report
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse


def checked(text: str) -> Model:
    """The model of a text without errors."""
    report = Report()
    found = check_source(Source("model.lpm", text), report)
    assert found is not None, report.diagnostics
    return found[0]


def found(text: str) -> list[Diagnostic]:
    """What is reported of a text, in the order of its places."""
    report = Report()
    check_source(Source("model.lpm", text), report)
    return list(report.sorted())


def first_error(text: str) -> Diagnostic:
    """The first error of a text."""
    return next(d for d in found(text) if d.code.startswith("E"))


GPU_STEPS = 16
"""Steps in Triton's interpreter, which takes a tenth of a second and more for each."""


def agreed(text: str, agents: int | None = 400, seed: int = 3, steps: int | None = None) -> RunResult:
    """The run of the sparse program on one thread, which that on three threads, the dense program, the reference and,
    for its first ``GPU_STEPS``, Triton's interpreter give count for count."""
    model = checked(text)
    made = compiled(model)
    request = request_of(model, agents, seed)
    request = request if steps is None else replace(request, steps=steps)
    result = cpu_run(made)(request)
    for other in (cpu_run(made, 3), cpu_run(replace(made, cpu=made.program)), runner(model, "reference")):
        assert_same(result, other(request))
    begin = replace(request, steps=min(request.steps, GPU_STEPS))
    assert_same(cpu_run(made)(begin), gpu_runner(made, None)([begin], None)[0])
    return result


def formatted(text: str) -> str:
    """The text as ``lpmc fmt`` writes it."""
    report = Report()
    module = parse(Source("model.lpm", text), report)
    assert not report.has_errors, report.diagnostics
    return format_module(module)
