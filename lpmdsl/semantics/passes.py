"""The passes from a text to its facts, one after the other, and what each has made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lpmdsl.diagnostics import Label, Report
from lpmdsl.semantics.analyse import Facts, analyse
from lpmdsl.semantics.check import check
from lpmdsl.semantics.model import Model
from lpmdsl.semantics.recheck import refuse_changes, refuse_scenarios
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.semantics.resolve.names import Names, resolve
from lpmdsl.source import Source
from lpmdsl.syntax.parse import parse
from lpmdsl.syntax.tree import Module


@dataclass(frozen=True, slots=True)
class Passed:
    """Products of the passes over a text: None from the pass on that was not reached.

    ``model`` and ``facts`` may be there although the report has errors: those of the last pass.
    """

    module: Module
    names: Names | None = None
    model: Model | None = None
    facts: Facts | None = None


def passes(source: Source, report: Report, library: Library) -> Passed:
    """Take a text through the passes; one whose report has errors is the last, and all of its errors are reported.

    ``library``: where used files are found.
    """
    made = passes_from(parse(source, report), report, library)
    refuse_values(made, report)
    return made


def passes_from(module: Module, report: Report, library: Library) -> Passed:
    """The same for a text that has been parsed, with what was found then in the report; at the parameters' own values
    alone."""
    if report.has_errors:
        return Passed(module)
    names = resolve(module, library, report)
    passed = _checked(names, report)
    _tell_uses(names, report)
    return passed


def _checked(names: Names, report: Report) -> Passed:
    module = names.module
    if report.has_errors:
        return Passed(module, names)
    model = check(module, names, report)
    if report.has_errors:
        return Passed(module, names, model)
    return Passed(module, names, model, analyse(model, report))


def refuse_values(made: Passed, report: Report) -> None:
    """The last pass: report what the text would be refused for with the values that scenarios and interventions set.

    Each costs a check of the whole text.
    """
    if made.names is not None and made.model is not None and not report.has_errors:
        refuse_scenarios(made.model, report, made.names)
        refuse_changes(made.model, report, made.names)
        _tell_uses(made.names, report)


def _tell_uses(names: Names, report: Report) -> None:
    """Add to every finding in a used file where the text itself names what brought it in."""
    here = names.module.source.name
    for i, d in enumerate(report.diagnostics):
        place = names.used.get(d.span.source.name)
        is_told = any(label.span == place for label in d.labels)
        if place is not None and d.span.source.name != here and not is_told:
            report.diagnostics[i] = replace(d, labels=(*d.labels, Label(place, "used here")))


def check_source(source: Source, report: Report) -> tuple[Model, Facts] | None:
    """The checked model, or None after a pass whose report has errors; all errors of that pass are reported."""
    made = passes(source, report, Library())
    return None if report.has_errors or made.model is None or made.facts is None else (made.model, made.facts)
