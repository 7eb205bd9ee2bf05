"""``validate against``: how far what was decided is from what people said in a survey."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lpmdsl.diagnostics import LpmError, Report, fail
from lpmdsl.reading.door import place_of
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.behaviours.tables import rows
from lpmdsl.semantics.analysis.archetypes import labels_of
from lpmdsl.semantics.data_files.named_files import DataFile, read_data_from, texts
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Behaviour, Validate

_WORDS = {"mean_absolute": "mean absolute", "total_variation": "total variation", "rms": "root mean square"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A behaviour beside its survey. ``groups``: by the survey's labels, the share that decided and the survey's."""

    behaviour: str
    distance: str
    value: float
    groups: tuple[tuple[tuple[str, ...], float, float], ...]
    left_out: int

    def line(self) -> str:
        """``isolate: 2.1 % mean absolute distance from the survey over 6 groups``"""
        out = f" ({self.left_out} of nobody who was asked)" if self.left_out else ""
        groups = f"{len(self.groups)} group{'s' if len(self.groups) != 1 else ''}"
        shown = f"{100 * self.value:.3g} % {_WORDS[self.distance]} distance"
        return f"{self.behaviour}: {shown} from the survey over {groups}{out}"


def compare_surveys(
    answers: Answers, parameters: Mapping[str, float], counts: Mapping[str, int], report: Report
) -> list[Compared]:
    """Every behaviour with a survey; one further away than ``within`` allows is an error E0859 in ``report``.

    A group's share is the mean over its archetypes, each as often as it was asked for (not over its people).
    ``shifted by`` is not in it: the survey is held against what the language model says.
    """
    found = []
    for behaviour in answers.model.behaviours:
        if behaviour.validate is None or behaviour.name not in answers.each:
            continue
        scope = Scope(answers.model, parameters, counts=counts)
        compared = _compare(answers, behaviour, behaviour.validate, float(evaluate(behaviour.otherwise, scope)))
        found.append(compared)
        answers.each[behaviour.name].distance = compared.value
        at_most = behaviour.validate.at_most
        if at_most is not None and compared.value > at_most:
            report.add(
                "E0859",
                f"{compared.line()}, and {100 * at_most:g} % is the most.",
                behaviour.validate.span,
                "Look at the groups in the manifest, and at the prompt; or allow more.",
            )
    return found


def _compare(answers: Answers, behaviour: Behaviour, validate: Validate, otherwise: float) -> Compared:
    survey = _survey(behaviour, validate)
    decided = _decided(answers, behaviour, validate.by, otherwise)
    pairs = [(key, decided[key], share) for key, share in survey.items() if key in decided]
    left_out = len(survey) - len(pairs)
    return Compared(behaviour.name, validate.distance, distance(validate, pairs, behaviour), tuple(pairs), left_out)


def distance(validate: Validate, pairs: list[tuple[tuple[str, ...], float, float]], behaviour: Behaviour) -> float:
    """Over the groups: the mean absolute difference, the root of the mean square, or for total variation the largest
    of the groups' distances (half the sum over the answers of absolute differences). NaN where no group was asked."""
    differences = [abs(mine - theirs) for _, mine, theirs in pairs]
    if not differences:
        return math.nan
    match validate.distance:
        case "mean_absolute":
            return math.fsum(differences) / len(differences)
        case "rms":
            return math.sqrt(math.fsum(d * d for d in differences) / len(differences))
        case "total_variation":
            if not behaviour.decides.labels:
                return max(differences)
            halves: dict[tuple[str, ...], float] = {}
            for key, mine, theirs in pairs:
                halves[key[:-1]] = halves.get(key[:-1], 0.0) + abs(mine - theirs) / 2
            return max(halves.values())


def _survey(behaviour: Behaviour, validate: Validate) -> dict[tuple[str, ...], float]:
    """Shares by the survey's labels; for a category each label of the decision has a row of its own."""
    by = [*validate.by, *([behaviour.into] if behaviour.decides.labels else [])]
    data = _data(validate)
    missing = [name for name in (*by, validate.column) if data.column(name) is None]
    if missing:
        why = f"`{validate.file}` has no column `{missing[0]}`."
        raise fail("E0642", why, validate.span, f"It needs {', '.join((*by, validate.column))}.")
    columns = [texts(data, column) for name in (*by, validate.column) if (column := data.column(name)) is not None]
    try:
        shares = [float(text) for text in columns[-1]]
    except ValueError as error:
        why = f"`{validate.column}` of `{validate.file}` is not a number everywhere."
        raise fail("E0643", why, validate.span) from error
    keys = list(zip(*columns[:-1], strict=True)) or [()] * len(shares)
    return dict(zip(keys, shares, strict=True))


def _data(validate: Validate) -> DataFile:
    report = Report()
    data = read_data_from(report, validate.file, place_of(validate.span.source), validate.span)
    if data is None:
        raise LpmError(report)
    return data


def _decided(
    answers: Answers, behaviour: Behaviour, by: tuple[str, ...], otherwise: float
) -> dict[tuple[str, ...], float]:
    """The shares decided, by the same labels."""
    positions = [[k.slot for k in behaviour.knows].index(name) for name in by]
    sums: dict[tuple[str, ...], list[float]] = {}
    for labels, (values, uses) in answers.replies_of(behaviour).items():
        row = rows(behaviour, [values], otherwise)[0]
        group = tuple(labels[p] for p in positions)
        for key, share in _shares(behaviour, group, row):
            total = sums.setdefault(key, [0.0, 0.0])
            total[0] += uses * share
            total[1] += uses
    return {key: weighed / uses for key, (weighed, uses) in sums.items() if uses}


def _shares(behaviour: Behaviour, group: tuple[str, ...], row) -> list[tuple[tuple[str, ...], float]]:
    if behaviour.decides.labels:
        return [((*group, label), float(share)) for label, share in zip(behaviour.decides.labels, row, strict=True)]
    return [(group, float(row[1]) if labels_of(behaviour) else float(row.mean()))]
