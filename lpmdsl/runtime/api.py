"""The same as ``lpmc`` from Python: load a model, look at it, run it, compare its scenarios."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from lpmdsl.compiler import check_source, compile_model
from lpmdsl.config import BASELINE, BackendName, CalibrationOptions, LlmOptions, RunOptions
from lpmdsl.diagnostics import LpmError, Report, fail
from lpmdsl.extras import require
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.behaviours.opening import open_answers
from lpmdsl.runtime.comparison import scenarios_of
from lpmdsl.runtime.engine.engines import engine_for
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.engine.simulate import Simulation, Stop
from lpmdsl.runtime.objective import read_quantity
from lpmdsl.runtime.outputs import OutputFolder, open_run
from lpmdsl.runtime.progress import progress_bar
from lpmdsl.runtime.results import Results
from lpmdsl.runtime.scenarios import Plan, plan
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.semantics.model import Literal_, Model
from lpmdsl.source import Source, Span
from lpmdsl.syntax.parse import read_source
from lpmdsl.writing.folders import Say, unsaid

if TYPE_CHECKING:
    from lpmdsl.runtime.calibration.outcome import Calibrated
    from lpmdsl.runtime.gradients.autograd import RelaxedSimulator, Simulator
    from lpmdsl.runtime.gradients.sensitivity import Sensitivity


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A checked model that can be run. ``report`` holds the warnings of its compilation."""

    source: Source
    model: Model
    facts: Facts
    report: Report
    check_seconds: float

    @property
    def parameters(self) -> dict[str, float]:
        """Every parameter's value in base units (day, person, contact, dose, metre)."""
        return parameter_values(self.model, {})

    def _repr_html_(self) -> str:
        from lpmdsl.runtime.reports.cells import model_html

        return model_html(self.model, self.source, self.report)

    def run(
        self,
        seed: int = 1,
        replicates: int = 1,
        scenario: str | Sequence[str] | None = None,
        parameters: Mapping[str, str | float] | None = None,
        agents: Mapping[str, int] | None = None,
        backend: BackendName = "auto",
        steps: int | None = None,
        threads: int | None = None,
        redraw_people: bool = False,
        out: str | Path | None = None,
        progress: bool = False,
        llm: LlmOptions | None = None,
        force: bool = False,
    ) -> Results:
        """The results of a run; a parameter is text with its unit or a number in base units.

        ``force``: files in ``out`` that are not of an earlier run are replaced.

        Raises ``LpmError`` for what cannot be run and, after everything is written, for a broken ``check always``.
        """
        scenarios = (BASELINE,) if scenario is None else (scenario,) if isinstance(scenario, str) else tuple(scenario)
        options = RunOptions(
            seed=seed,
            replicates=replicates,
            scenarios=scenarios,
            settings=dict(parameters or {}),
            agents=dict(agents or {}),
            backend=backend,
            steps=steps,
            threads=threads,
            redraw_people=redraw_people,
            llm=llm,
        )
        folder = Path(out) if out is not None else None
        results = execute(self, options, folder, show_progress=progress, force=force)
        if results.report.has_errors:
            raise LpmError(results.report)
        return results

    def compare(
        self,
        seed: int = 1,
        replicates: int | None = None,
        parameters: Mapping[str, str | float] | None = None,
        agents: Mapping[str, int] | None = None,
        backend: BackendName = "auto",
        steps: int | None = None,
        threads: int | None = None,
        redraw_people: bool = False,
        out: str | Path | None = None,
        progress: bool = False,
        llm: LlmOptions | None = None,
        force: bool = False,
    ) -> Results:
        """The results of all scenarios that the model compares; ``results.comparison`` is the table.

        ``replicates`` None: as often as ``repeat`` says.
        """
        scenarios, repeat = comparison_size(self.model)
        return self.run(
            seed=seed, replicates=replicates or repeat, scenario=scenarios, parameters=parameters, agents=agents,
            backend=backend, steps=steps, threads=threads, redraw_people=redraw_people, out=out, progress=progress,
            llm=llm, force=force,
        )  # fmt: skip

    def calibrate(
        self,
        data: str | Path | None = None,
        out: str | Path | None = None,
        method: str | None = None,
        seed: int = 1,
        chains: int = 4,
        draws: int = 2000,
        warmup: int | None = None,
        replicates: int | None = None,
        parameters: Mapping[str, str | float] | None = None,
        agents: Mapping[str, int] | None = None,
        threads: int | None = None,
        redraw_people: bool = False,
        resume: bool = False,
        progress: bool = False,
        force: bool = False,
        r0: bool = True,
    ) -> Calibrated:
        """The posterior of the parameters that the model's ``calibrate`` estimates from its data, with a verdict.

        ``data``: the folder of the data files (that of the model). ``resume``: goes on with what ``out`` has, also with
        more ``draws``. ``force``: files in ``out`` that are not of an earlier calibration are replaced. ``r0``: R0 of
        every condition is computed too. Raises ``LpmError``; look at ``converged``.
        """
        from lpmdsl.runtime.calibration.run import calibrate, known_method, silent
        from lpmdsl.runtime.progress import calibration_bar

        options = CalibrationOptions(
            method=known_method(method) if method is not None else None, seed=seed, chains=chains, draws=draws,
            warmup=warmup, replicates=replicates, settings=dict(parameters or {}), agents=dict(agents or {}),
            threads=threads, redraw_people=redraw_people, r0=r0,
        )  # fmt: skip
        folders = (Path(data) if data is not None else None, Path(out) if out is not None else None)
        if not progress:
            return calibrate(self.model, self.facts, self.source, options, *folders, resume, silent, force)
        with calibration_bar() as tell:
            return calibrate(self.model, self.facts, self.source, options, *folders, resume, tell, force)

    def gradient(
        self,
        of: str,
        wrt: Sequence[str] | None = None,
        replicates: int = 100,
        seed: int = 1,
        estimator: str = "auto",
        parameters: Mapping[str, str | float] | None = None,
        agents: Mapping[str, int] | None = None,
        steps: int | None = None,
        threads: int | None = None,
        redraw_people: bool = False,
    ) -> list[Sensitivity]:
        """The derivatives of the mean of ``of`` (``total of infections``) with their standard errors and certificates.

        Parameters in base units; ``wrt`` None: all that the quantity reads. Raises ``LpmError`` (E0803, E0840, E0841).
        """
        options = RunOptions(
            seed=seed, replicates=replicates, settings=dict(parameters or {}), agents=dict(agents or {}), steps=steps,
            threads=threads, redraw_people=redraw_people,
        )  # fmt: skip
        from lpmdsl.runtime.gradients.sensitivity import sensitivities  # with statistics that a run does without

        return sensitivities(repeats_of(self, of, options, needs_number=True), wrt, estimator)

    def simulator(
        self,
        of: str,
        wrt: Sequence[str],
        replicates: int = 20,
        seed: int = 1,
        each: bool = False,
        estimator: str = "auto",
        parameters: Mapping[str, str | float] | None = None,
        agents: Mapping[str, int] | None = None,
        steps: int | None = None,
        threads: int | None = None,
        redraw_people: bool = False,
    ) -> Simulator | RelaxedSimulator:
        """A function of torch from values of ``wrt`` (base units) to ``of``: a number, or an observation's reports.

        A family of parameters is all its parts. The value is the mean over replicates, or with ``each`` one row per
        replicate; of the relaxed model itself with the estimator ``relaxation``. ``estimator``: of backward passes.
        Raises ``LpmError`` (E0803, E0840, E0841).
        """
        require("torch", extra="gradients")  # an extra, which takes seconds to load
        from lpmdsl.runtime.gradients.autograd import simulator
        from lpmdsl.runtime.gradients.sensitivity import known_parts

        names = known_parts(self.model, wrt)
        options = RunOptions(
            seed=seed, replicates=replicates, settings=dict(parameters or {}), agents=dict(agents or {}), steps=steps,
            threads=threads, redraw_people=redraw_people,
        )  # fmt: skip
        return simulator(repeats_of(self, of, options, needs_number=False, by_hand=names), names, each, estimator)


def repeats_of(
    loaded: LoadedModel, of: str, options: RunOptions, needs_number: bool, by_hand: Collection[str] = ()
) -> Repeats:
    """The model ready to be run again and again for one quantity; ``by_hand``: parameters that are set for every run.

    Raises ``LpmError``.
    """
    quantity = read_quantity(loaded.model, of, needs_number)
    planned = plan(loaded.model, options)
    model, answers = _as_set(loaded.model, planned, by_hand), answers_for(loaded, planned)
    return Repeats(model, loaded.facts, planned, quantity, answers=answers)


def _as_set(model: Model, planned: Plan, by_hand: Collection[str]) -> Model:
    """The model in which a parameter that is set by hand no longer follows those that it is computed from."""
    values, given = (
        planned.variants[0].parameters,
        {part for name in (*planned.options.settings, *by_hand) for part in model.parts(name)},
    )
    parameters = (
        replace(p, default=Literal_(values[p.name], p.type, p.default.span)) if p.name in given else p
        for p in model.parameters
    )
    return replace(model, parameters=tuple(parameters))


def comparison_size(model: Model) -> tuple[tuple[str, ...], int]:
    """The scenarios to run and the number of replicates. Raises ``LpmError`` (E0821) if nothing is compared."""
    if not model.comparisons:
        name = model.scenarios[0].name if model.scenarios else "my_scenario"
        raise fail(
            "E0821",
            f"{model.name} has no `compare`.",
            Span(Source(model.name, ""), 0, 0),
            help=f"Add `compare {name} with baseline`, below it `repeat 20 times` and `report total of OBSERVATION`.",
        )
    return scenarios_of(model.comparisons), max(c.repeat for c in model.comparisons)


def load(path_or_text: str | Path, allow_files: bool = False) -> LoadedModel:
    """The checked model in a file, or in a text of more than one line. Raises ``LpmError`` with all that is wrong.

    ``allow_files``: it may read any plain file, not only those beside it and below.
    """
    report = Report()
    if isinstance(path_or_text, str) and "\n" in path_or_text:
        source: Source | None = Source("<text>", path_or_text, reads_anything=allow_files)
    else:
        source = read_source(Path(path_or_text), report, allow_files=allow_files)
    if source is None:
        raise LpmError(report)
    return load_source(source, report)


def load_source(source: Source, report: Report) -> LoadedModel:
    """The checked model of a text that has been read. Raises ``LpmError``."""
    began = perf_counter()
    checked = check_source(source, report)
    if checked is None or report.has_errors:
        raise LpmError(report)
    return LoadedModel(source, *checked, report, perf_counter() - began)


def execute(
    loaded: LoadedModel, options: RunOptions, out: Path | None, show_progress: bool, stop: Stop | None = None,
    force: bool = False, say: Say = unsaid,
) -> Results:  # fmt: skip
    """Plans, builds and runs. Nothing is built or written before the options are known to be good.

    ``force``: files in ``out`` that are not of an earlier run are replaced, and ``say`` is called with them before.
    """
    planned = plan(loaded.model, options)
    answers = answers_for(loaded, planned)
    try:
        with nullcontext() if out is None else open_run(out, force, say) as folder:
            into = OutputFolder(folder) if folder is not None else None
            return _execute(loaded, planned, answers, into, show_progress, stop)
    finally:
        if answers is not None:
            answers.close()


def answers_for(loaded: LoadedModel, planned: Plan) -> Answers | None:
    """Source of the answers in a planned run; None where nobody asks. Raises ``LpmError``."""
    names = [v.name for v in planned.variants]
    return open_answers(loaded.model, loaded.source, planned.options.llm, names, planned.variants[0].parameters)


def _execute(
    loaded: LoadedModel,
    planned: Plan,
    answers: Answers | None,
    folder: OutputFolder | None,
    show_progress: bool,
    stop: Stop | None,
) -> Results:
    options = planned.options
    began = perf_counter()
    engine = engine_for(compile_model(loaded.model, loaded.facts), options.backend, options.threads)
    seconds = loaded.check_seconds + perf_counter() - began
    whole = Simulation(loaded.model, loaded.source, planned, engine, seconds, folder, answers=answers)
    whole.stop = stop or whole.stop
    if not show_progress:
        return whole.results()
    with progress_bar(planned, answers.status if answers is not None else None) as whole.advance:
        return whole.results()
