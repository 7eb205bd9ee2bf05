"""The whole pipeline: text in, checked model and generated source out. No file is written here.

parse → resolve → check → analyse (``semantics/passes.py``) → lower → optimise → emit; the next step, build, belongs to
the run time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from lpmdsl.backends.llvm import listing, units
from lpmdsl.backends.program_text import program_text
from lpmdsl.backends.triton import triton_module
from lpmdsl.lowering.dense.program import lower
from lpmdsl.lowering.relaxed.program import outline_of, relax
from lpmdsl.lowering.score.program import new_ledger, scored
from lpmdsl.lowering.score.statistics import Ledger
from lpmdsl.lowering.sparse.program import lower_sparse
from lpmdsl.program.ir import Program
from lpmdsl.program.passes.adjoint import adjoint
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.passes.fusion import optimise
from lpmdsl.program.passes.prefetch import look_ahead
from lpmdsl.program.passes.push_pull import push_or_pull
from lpmdsl.program.verify import verify
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Model
from lpmdsl.semantics.passes import check_source as check_source

Target = Literal["cpu", "llvm", "triton", "ir"]


@dataclass(frozen=True)
class Compiled:
    """A model with what is known of it and its optimised programs, each lowered and verified when first asked for.

    ``cpu``: the program that processors take in the place of their own.
    """

    model: Model
    facts: Facts
    cpu: Program | None = None

    @cached_property
    def program(self) -> Program:
        """The program that goes through everyone in every step."""
        return _optimised(lower(self.model))

    @cached_property
    def cpu_program(self) -> Program:
        """A program of the same counts that goes through those for whom something changes, where that can be known."""
        return self.cpu if self.cpu is not None else for_processors(lower_sparse(self.model))

    @cached_property
    def gpu_program(self) -> Program:
        """The program as a GPU runs it."""
        return push_or_pull(self.program)

    def emit(self, target: Target) -> str:
        """The generated source for a target."""
        match target:
            case "cpu":
                return listing.emit(self.cpu_program)
            case "llvm":
                return units.emit(self.cpu_program)
            case "triton":
                return triton_module.emit(self.gpu_program)
            case "ir":
                return program_text(self.program)


def compile_model(model: Model, facts: Facts) -> Compiled:
    """A checked model, ready to be lowered for whatever is to run it."""
    return Compiled(model, facts)


def compile_scored(compiled: Compiled, parameters: tuple[str, ...], observation: str) -> tuple[Compiled, Ledger]:
    """The same for a processor, with what the score of its draws by some parameters is made of written down.

    ``observation``: what is observed; draws that cannot move it are left out.
    """
    ledger = new_ledger(compiled.model, parameters, observation)
    program = scored(lower_sparse(compiled.model, parts=tuple(ledger.parts)), ledger)
    return replace(compiled, cpu=for_processors(program)), ledger


def relaxed_programs(model: Model) -> tuple[Program, Program]:
    """The relaxed program at the parameters' own values, and its adjoint. Raises ``LpmError`` (E0846)."""
    relaxed = relax(model, outline_of(model, parameter_values(model)))
    return relaxed.program, adjoint(relaxed.program, relaxed.inputs)


def adjoint_text(model: Model) -> str:
    """Both programs for a reader (``lpmc emit --target adjoint``)."""
    return "\n".join(program_text(program) for program in relaxed_programs(model))


def with_circles(compiled: Compiled, circles: frozenset[str]) -> Compiled:
    """The same for a processor that has only the keys of some networks, because memory would not hold their ties."""
    circles -= frozenset(n.name for n in compiled.model.networks if n.redrawn)  # those are never written out
    if not circles:
        return compiled
    return replace(compiled, cpu=for_processors(lower_sparse(compiled.model, circles)))


def for_processors(program: Program) -> Program:
    """The program as processors run it: with fewer passes, and with requests for memory ahead."""
    program = look_ahead(_optimised(program))
    verify(program)
    return program


def _optimised(program: Program) -> Program:
    verify(program)
    program = optimise(expand_draws(program))
    verify(program)
    return program
