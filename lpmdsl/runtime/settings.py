"""``--set name="0.03 per contact"``: a parameter's new value, read and checked as the language reads and checks it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from lpmdsl.diagnostics import Label, LpmError, Report, did_you_mean
from lpmdsl.quantities import ERROR
from lpmdsl.semantics.checks.parameters import limits as limits
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.model import Model, Parameter
from lpmdsl.semantics.recheck import refuse
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.semantics.resolve.names import resolve
from lpmdsl.semantics.resolve.scope import constant
from lpmdsl.source import Source, Span
from lpmdsl.syntax import tree
from lpmdsl.syntax.parse import parse

HEADER = "model settings version 1.0\n"
READ_AS = "setting"
"""The name under which a value is read: that of a part, `beta[2]`, is no name of a declaration."""


def setting_values(model: Model, settings: dict[str, str | float], report: Report) -> dict[str, float]:
    """The new value of each set parameter in base units, of all parts of a family that is set.

    Every mistake is reported (E0803, E0805, E0822, units).
    """
    values: dict[str, float] = {}
    known = {p.name: p for p in model.parameters}
    for name, text in settings.items():
        source = Source("--set", f"{name}={text}")
        parts = model.parts(name)
        if not parts:
            names = f"Its parameters are {', '.join(f'`{k}`' for k in known)}." if known else "It has none."
            unknown = f"{model.name} has no parameter `{name}`.{did_you_mean(name, known)}"
            report.add("E0803", unknown, Span(source, 0, len(name)), names)
            continue
        first = replace(known[parts[0]], name=name)
        value = _read(model, first, text, source, report) if isinstance(text, str) else float(text)
        if value is not None and _is_allowed(first, value, source, report):
            values |= {part: value for part in parts if part == name or part not in settings}
    return values


def values_with(model: Model, settings: Mapping[str, str | float]) -> dict[str, float]:
    """Every parameter's value in base units, with some set anew. Raises ``LpmError`` for a setting that cannot be."""
    report = Report()
    values = setting_values(model, dict(settings), report)
    if not report.has_errors:
        refuse(model, values, set_by(settings), report)
    if report.has_errors:
        raise LpmError(report)
    return parameter_values(model, values)


def set_by(settings: Mapping[str, str | float]) -> list[Label]:
    """Labels at values that were set by hand, for a message about what they make of the model."""
    sources = (Source("--set", f"{name}={text}") for name, text in settings.items())
    return [Label(Span(source, 0, len(source.text)), f"`{source.text}`") for source in sources]


def _read(model: Model, parameter: Parameter, text: str, source: Source, report: Report) -> float | None:
    """The value of ``text`` in base units, or None after a report whose caret stands in what the user typed.

    The text is read as a two-line model, so that it means what it would mean there; it may name other parameters.
    """
    inner = Report()
    value = _read_as_model(model, parameter, text, inner)
    start = len(HEADER) + len(f"parameter {READ_AS} = ") - (len(parameter.name) + 1)
    for d in inner.diagnostics:
        if d.severity == "error":
            first = min(max(d.span.start - start, 0), len(source.text) - 1)
            last = min(max(d.span.end - start, first + 1), len(source.text))
            report.add(d.code, d.message, Span(source, first, last), d.help)
    if value is None and not inner.has_errors:
        after = Span(source, len(parameter.name) + 1, len(source.text))
        report.add(
            "E0822", f"`{text}` does not read as one value.", after, f'Write --set {parameter.name}="VALUE UNIT".'
        )
    return None if inner.has_errors else value


def _read_as_model(model: Model, parameter: Parameter, text: str, report: Report) -> float | None:
    if "\n" in text or "#" in text:
        return None
    module = parse(Source("--set", f"{HEADER}parameter {READ_AS} = {text}\n"), report)
    if report.has_errors or len(module.declarations) != 1:
        return None
    declared = module.declarations[0]
    if (
        not isinstance(declared, tree.Parameter)
        or declared.prior
        or declared.low
        or declared.source
        or declared.rows
        or declared.walk
    ):
        return None
    names = resolve(module, Library(), report)
    context = Context(names, report, step=model.clock.step, start=model.clock.start)
    context.parameters = {p.name: p for p in model.parameters}
    expr = check_value(context, declared.value, constant("a setting"), parameter.type, f"`{parameter.name}`")
    if report.has_errors or expr.type == ERROR:
        return None
    return float(evaluate(expr, Scope(model, parameter_values(model, {}))))


def is_within(parameter: Parameter, value: float) -> bool:
    """Return True if the value is finite and within the parameter's limits."""
    low, high = limits(parameter)
    return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)


def _is_allowed(parameter: Parameter, value: float, source: Source, report: Report) -> bool:
    """Return True if the value is finite and within the parameter's limits; else a report (E0805)."""
    if is_within(parameter, value):
        return True
    start = len(parameter.name) + 1
    report.add(
        "E0805", f"`{parameter.name}` cannot be {source.text[start:].strip()}: {limits_text(parameter)}.",
        Span(source, start, len(source.text)), "Choose a value inside, or change `between` in the model.",
    )  # fmt: skip
    return False


def limits_text(parameter: Parameter) -> str:
    """``it must lie between 0.001 per contact and 0.2 per contact``"""
    low, high = limits(parameter)
    shown = [f"{bound / parameter.scale:g} {parameter.unit}".strip() for bound in (low, high) if bound is not None]
    match len(shown):
        case 0:
            return "it must be a finite number"
        case 1:
            return f"it must be at {'least' if high is None else 'most'} {shown[0]}"
        case _:
            return f"it must lie between {shown[0]} and {shown[1]}"
