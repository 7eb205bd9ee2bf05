"""Plans of a run: every scenario with its parameter values and switched-off interventions, and how many agents."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lpmdsl.config import BASELINE, RunOptions
from lpmdsl.diagnostics import Label, LpmError, Report, did_you_mean, fail
from lpmdsl.runtime.settings import is_within, limits_text, set_by, setting_values
from lpmdsl.semantics.analysis.archetypes import resting
from lpmdsl.semantics.analysis.dependencies import moving
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.model import Model, Parameter, ParameterRef, every_expression
from lpmdsl.semantics.recheck import refuse
from lpmdsl.source import Source, Span

MAX_AGENTS = 2**31 - 1  # agents are numbered with 32 bits


@dataclass(frozen=True, slots=True)
class Variant:
    """One scenario as it will run: every parameter's value in base units, and what is switched off.

    ``disabled``: interventions that never start, behaviours that do not decide.
    """

    name: str
    parameters: dict[str, float]
    disabled: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before it starts: nothing in it depends on the back end."""

    options: RunOptions
    variants: tuple[Variant, ...]
    counts: dict[str, int]
    steps: int


def plan(model: Model, options: RunOptions) -> Plan:
    """The plan of a run. Raises ``LpmError`` with every unknown name and unfit value at once."""
    _require_agents(model)
    report = Report()
    settings = setting_values(model, options.settings, report)
    settings = _held(model, settings, _by_hand(model, options))
    counts = _counts(model, options.agents, report)
    names = _known_scenarios(model, options.scenarios, report)
    if report.has_errors:
        raise LpmError(report)
    typed = set_by(options.settings)
    variants = tuple(_variant(model, name, settings, counts, typed, report) for name in names)
    if report.has_errors:
        raise LpmError(report)
    return Plan(options, variants, counts, options.steps or model.clock.steps)


def _require_agents(model: Model) -> None:
    """Raises ``LpmError`` (E0829) for what nobody lives in."""
    place = Span(Source(model.name, ""), 0, 0)
    if model.is_library:
        raise fail("E0829", f"{model.name} is a library: models use it, and it has nothing to run of its own.", place,
                   f"Write `use` with the name of this file in a model, and run that; `lpmc check` reads {model.name} "
                   "as it is.")  # fmt: skip
    if not model.agents:
        raise fail("E0829", f"{model.name} has no agents, so there is nothing to run.", place,
                   "Add, for example, `agent Person count 1_000`.")  # fmt: skip


def _known_scenarios(model: Model, names: Iterable[str], report: Report) -> list[str]:
    known = [BASELINE, *(s.name for s in model.scenarios)]
    for name in names:
        if name not in known:
            report.add(
                "E0802",
                f"{model.name} has no scenario `{name}`.{did_you_mean(name, known)}",
                _typed("--scenario", name),
                help=f"It has {', '.join(f'`{k}`' for k in known)}.",
            )
    return [name for name in dict.fromkeys(names) if name in known]


def _counts(model: Model, agents: dict[str, int], report: Report) -> dict[str, int]:
    """The number of agents per kind that was asked for, where it is possible."""
    kinds = {a.name: a for a in model.agents}
    for kind, number in agents.items():
        where = _typed("--agents", f"{kind}={number}")
        if kind not in kinds:
            report.add("E0806", f"{model.name} has no agent `{kind}`.{did_you_mean(kind, kinds)}", where)
        elif not 1 <= number <= MAX_AGENTS:
            report.add("E0823", f"A run needs from 1 to {MAX_AGENTS:_} {kind}, not {number:_}.", where)
        elif kinds[kind].count is None:
            report.add(
                "E0827",
                f"Every {kind} is a row of `{kinds[kind].file}`, so their number cannot be changed.",
                where,
                help=f"Leave out --agents {kind}, or give the model another file.",
            )
    return dict(agents)


def _variant(
    model: Model, name: str, settings: dict[str, float], counted: dict[str, int], typed: list[Label], report: Report
) -> Variant:
    """The scenario over the settings: where both change a parameter, the scenario's word holds."""
    if name == BASELINE:
        refuse(model, settings, typed, report)
        return Variant(name, parameter_values(model, settings), resting(model, name))
    scenario = model.scenario(name)
    counts = {a.name: counted.get(a.name, a.count or 0) for a in model.agents}
    scope = Scope(model, parameter_values(model, settings), counts=counts)
    changed = {target: float(evaluate(expr, scope)) for target, expr in scenario.changes}
    for target, value in changed.items():
        _check_bounds(model.parameter(target), value, name, report)
    if settings and not report.has_errors:
        refuse(model, settings | changed, typed, report)
    off = frozenset(scenario.without) | resting(model, name)
    return Variant(name, parameter_values(model, _held(model, settings | changed, changed)), off)


def _by_hand(model: Model, options: RunOptions) -> list[str]:
    """The parameters that settings write as text, the parts of a family by its name too."""
    return [
        part
        for name, text in options.settings.items()
        if isinstance(text, str)
        for part in model.parts(name)
        if part == name or part not in options.settings
    ]


def _held(model: Model, settings: dict[str, float], by_hand: Iterable[str]) -> dict[str, float]:
    """The settings, with those made by hand told apart from formulas that move in a run.

    Where such a formula has the very value at the start, the next number is taken: else it would go on moving.
    """
    held = dict(settings)
    for name in by_hand:
        parameter, others = model.parameter(name), {k: v for k, v in settings.items() if k != name}
        if name in moving(model) and parameter_values(model, others)[name] == settings[name]:
            above = math.nextafter(settings[name], math.inf)
            held[name] = above if is_within(parameter, above) else math.nextafter(settings[name], -math.inf)
    return held


def _check_bounds(parameter: Parameter, value: float, scenario: str, report: Report) -> None:
    """Reports a scenario that moves a parameter out of its own bounds under these settings (E0805)."""
    if not is_within(parameter, value):
        shown = f"{value / parameter.scale:g} {parameter.unit}".strip()
        message = f"Scenario `{scenario}` makes `{parameter.name}` {shown} here: {limits_text(parameter)}."
        report.add("E0805", message, parameter.span)


def world_key(model: Model, values: dict[str, float]) -> tuple[float, ...]:
    """The values that the people, places and ties depend on: scenarios that share them share one world."""
    parts = [model.agents, tuple(n.generator.arguments for n in model.networks if n.generator)]
    names = {e.name for part in parts for e in every_expression(part) if isinstance(e, ParameterRef)}
    return tuple(values[name] for name in sorted(names))


def _typed(option: str, text: str) -> Span:
    return Span(Source(option, text), 0, len(text))
