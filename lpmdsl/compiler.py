"""The whole pipeline: text in, checked model and generated source out. No file is written here.

parse → resolve → check → analyse → lower → optimise → emit; the next step, build, belongs to the run time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from lpmdsl.backends import numba_cpu, triton_gpu
from lpmdsl.backends.program_text import program_text
from lpmdsl.diagnostics import Report
from lpmdsl.kernel.adjoint import adjoint
from lpmdsl.kernel.ahead import look_ahead
from lpmdsl.kernel.ir import Program
from lpmdsl.kernel.ledger import Ledger
from lpmdsl.kernel.lower import lower
from lpmdsl.kernel.lower_score import new_ledger
from lpmdsl.kernel.lower_sparse import lower_sparse
from lpmdsl.kernel.optimise import optimise
from lpmdsl.kernel.pull import push_or_pull
from lpmdsl.kernel.relax import relax, shapes_of
from lpmdsl.kernel.verify import verify
from lpmdsl.semantics.analysis import Facts, analyse
from lpmdsl.semantics.check import check
from lpmdsl.semantics.evaluate import parameter_values
from lpmdsl.semantics.library import Library
from lpmdsl.semantics.model import Model
from lpmdsl.semantics.names import resolve
from lpmdsl.semantics.recheck import refuse_changes, refuse_scenarios
from lpmdsl.source import Source
from lpmdsl.syntax.parse import parse

Target = Literal["cpu", "triton", "ir"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model with what is known of it and its optimised programs.

    ``program`` goes through everyone in every step. ``cpu_program`` gives the same counts and goes through those for
    whom something changes, where that can be known.
    """

    model: Model
    facts: Facts
    program: Program
    cpu_program: Program

    @property
    def gpu_program(self) -> Program:
        """The program as a GPU runs it."""
        return push_or_pull(self.program)

    def emit(self, target: Target) -> str:
        """The generated source for a target."""
        match target:
            case "cpu":
                return numba_cpu.emit(self.cpu_program)
            case "triton":
                return triton_gpu.emit(self.gpu_program)
            case "ir":
                return program_text(self.program)


def check_source(source: Source, report: Report) -> tuple[Model, Facts] | None:
    """The checked model, or None after a pass whose report has errors; all errors of that pass are reported."""
    module = parse(source, report)
    if report.has_errors:
        return None
    names = resolve(module, Library(), report)
    if report.has_errors:
        return None
    model = check(module, names, report)
    if report.has_errors:
        return None
    facts = analyse(model, report)
    if not report.has_errors:
        refuse_scenarios(model, report)
        refuse_changes(model, report)
    return None if report.has_errors else (model, facts)


def compile_model(model: Model, facts: Facts) -> Compiled:
    """Lower and optimise a checked model; every program on the way is verified."""
    cpu_program = look_ahead(_optimised(lower_sparse(model)))
    verify(cpu_program)
    return Compiled(model, facts, _optimised(lower(model)), cpu_program)


def compile_scored(compiled: Compiled, parameters: tuple[str, ...], observation: str) -> tuple[Compiled, Ledger]:
    """The same for a processor, with what the score of its draws by some parameters is made of written down.

    ``observation``: what is observed; draws that cannot move it are left out.
    """
    ledger = new_ledger(compiled.model, parameters, observation)
    program = look_ahead(_optimised(lower_sparse(compiled.model, ledger=ledger)))
    verify(program)
    return replace(compiled, cpu_program=program), ledger


def relaxed_programs(model: Model) -> tuple[Program, Program]:
    """The relaxed program at the parameters' own values, and its adjoint. Raises ``LpmError`` (E0846)."""
    relaxed = relax(model, shapes_of(model, parameter_values(model)))
    return relaxed.program, adjoint(relaxed)


def adjoint_text(model: Model) -> str:
    """Both programs for a reader (``lpmc emit --target adjoint``)."""
    return "\n".join(program_text(program) for program in relaxed_programs(model))


def with_circles(compiled: Compiled, circles: frozenset[str]) -> Compiled:
    """The same for a processor that has only the keys of some networks, because memory would not hold their ties."""
    if not circles:
        return compiled
    program = look_ahead(_optimised(lower_sparse(compiled.model, circles)))
    verify(program)
    return replace(compiled, cpu_program=program)


def _optimised(program: Program) -> Program:
    verify(program)
    program = optimise(program)
    verify(program)
    return program
