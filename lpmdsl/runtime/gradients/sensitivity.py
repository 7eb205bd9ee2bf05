"""``lpmc sensitivity`` and ``m.gradient``: sensitivity of one output to each parameter, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from lpmdsl.diagnostics import did_you_mean, fail
from lpmdsl.escaping import html, json_number, json_text
from lpmdsl.lowering.relaxed.supported import unseen
from lpmdsl.runtime.engine.replicates import Repeats
from lpmdsl.runtime.gradients.auto import Chosen, check_estimator, choose
from lpmdsl.runtime.gradients.finite_differences import TWO_SIDED_95, Certificate, Slope, slope
from lpmdsl.runtime.gradients.relaxed.estimator import RELAXED, relaxed_slopes
from lpmdsl.runtime.objective import Quantity
from lpmdsl.runtime.reports.drawing import Bar, Figure, Panel
from lpmdsl.runtime.reports.page import whole_page
from lpmdsl.runtime.reports.svg import image
from lpmdsl.semantics.analysis.dependencies import moving, parameters_behind
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span

UNMOVED = Certificate(True, 1.0, 1.0, 1.0, "nothing that is observed reads it: proved from the text")


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """``gradient`` of the mean per base unit of the parameter; ``elasticity``: in per cent for one per cent more.

    ``mean`` is the quantity's mean at the parameters' values; ``se`` and ``elasticity_se`` are standard errors.
    ``step``: of differences, 0 for another estimator. ``why``: why this estimator.
    """

    parameter: str
    value: float
    mean: float
    gradient: float
    se: float
    elasticity: float
    elasticity_se: float
    step: float
    estimator: str
    certificate: Certificate
    why: str = ""

    def as_json(self) -> str:
        """One object on one line, numbers that are none as null."""
        return json_text({**_finite(asdict(self)), "certificate": _finite(asdict(self.certificate))})


def _finite(record: dict[str, object]) -> dict[str, object]:
    return {k: json_number(v) if isinstance(v, float) else v for k, v in record.items()}


def sensitivities(repeats: Repeats, wrt: Sequence[str] | None, estimator: str = "auto") -> list[Sensitivity]:
    """One for each parameter of ``wrt`` (if None, all that the quantity reads and that stay as they are in a run).

    Raises ``LpmError``: E0803, E0841, E0845, E0846, E0847.
    """
    model, values = repeats.model, repeats.plan.variants[0].parameters
    check_estimator(estimator)
    behind = parameters_behind(model, {repeats.quantity.observation})
    names = _all_read(repeats, behind) if wrt is None else known_parts(model, wrt)
    if estimator in RELAXED:
        return _relaxed(repeats, names, values, behind, estimator, only_seen=wrt is not None)
    mean = float(repeats.values(repeats.free(values)).mean())
    read = tuple(n for n in names if n in behind)
    chosen = choose(repeats, read, values, estimator)
    return [_one(repeats, name, values, mean, name in behind, chosen) for name in names]


def _all_read(repeats: Repeats, behind: set[str]) -> list[str]:
    """The parameters that the quantity reads, without those that move by themselves. Raises ``LpmError`` (E0803)."""
    model, quantity = repeats.model, f"{repeats.quantity.function} of {repeats.quantity.observation}"
    names = [p.name for p in model.told_parameters if p.name in behind and p.name not in moving(model)]
    if not names:
        raise fail(
            "E0803",
            f"{model.name} has no parameter that `{quantity}` reads.",
            Span(Source("--of", quantity), 0, len(quantity)),
            "Give a number of the model a name, `parameter NAME = VALUE`, and write the name in its place.",
        )
    return names


def known_parts(model: Model, names: Sequence[str]) -> list[str]:
    """Parameters of these names, a family as all its parts, each once. Raises ``LpmError`` (E0803)."""
    known = [p.name for p in model.parameters]
    for name in names:
        if not model.parts(name):
            message = f"{model.name} has no parameter `{name}`.{did_you_mean(name, known)}"
            raise fail("E0803", message, Span(Source("--wrt", name), 0, len(name)))
    return list(dict.fromkeys(part for name in names for part in model.parts(name)))


def _one(
    repeats: Repeats, name: str, values: dict[str, float], mean: float, is_read: bool, chosen: Chosen
) -> Sensitivity:
    parameter, value = repeats.model.parameter(name), values[name]
    found, estimator = Slope(0.0, 0.0, 0.0, UNMOVED), "differences"
    if is_read and name in chosen.slopes:
        found, estimator = chosen.slopes[name], chosen.estimator[name]
    elif is_read:
        others = {n: v for n, v in repeats.free(values).items() if n != name}
        found = slope(parameter, value, lambda at: repeats.values({**others, **at}))
    relative = value / mean if mean else math.nan
    return Sensitivity(name, value, mean, found.gradient, found.se, found.gradient * relative,
                       found.se * abs(relative), found.step, estimator, found.certificate,
                       chosen.why.get(name, "nothing that is observed reads it"))  # fmt: skip


def _relaxed(
    repeats: Repeats, names: Sequence[str], values: dict[str, float], behind: set[str], estimator: str, only_seen: bool
) -> list[Sensitivity]:
    """By ``relaxation`` or ``surrogate``. What these do not see is an error where it was asked for by name, else taken
    by differences."""
    hidden = {n for n in names if not only_seen and n in behind and unseen(repeats.model, n) is not None}
    found = relaxed_slopes(repeats, tuple(n for n in names if n in behind - hidden), values, estimator)
    unrelaxed = Chosen(why=dict.fromkeys(hidden, f"`{estimator}` does not see it"))
    mean = float(repeats.values(repeats.free(values)).mean()) if hidden else found.mean
    rows = []
    for name in names:
        if name in hidden:
            rows.append(_one(repeats, name, values, mean, True, unrelaxed))
            continue
        gradient, se = found.gradient.get(name, 0.0), found.se.get(name, 0.0)
        relative = values[name] / found.mean if found.mean else math.nan
        certificate = found.certificate if name in behind else UNMOVED
        rows.append(Sensitivity(name, values[name], found.mean, gradient, se, gradient * relative,
                                se * abs(relative), 0.0, estimator, certificate, "asked for"))  # fmt: skip
    return rows


def plot(found: Sequence[Sensitivity], quantity: Quantity) -> str:
    """One self-contained page: elasticities with their 95 % intervals, the largest above."""
    ordered = sorted(found, key=lambda s: -abs(s.elasticity) if math.isfinite(s.elasticity) else 1.0)
    bars = tuple(
        Bar(s.parameter, s.elasticity, TWO_SIDED_95 * s.elasticity_se, CERTIFIED if s.certificate.holds else DOUBTED)
        for s in ordered
    )
    title = f"{quantity.function} of {quantity.observation}: change in % for 1 % more of a parameter"
    panel = Panel(bars, x_label="elasticity, with its 95 % interval (yellow: not certified)")
    return whole_page(title, [f"<h1>{html(title)}</h1>", image(Figure((panel,), title))])


CERTIFIED, DOUBTED = "#2a6f97", "#c9a227"
