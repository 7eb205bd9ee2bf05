"""``lpmc analyse --simulate``: the equations' curves beside those of the agents, as a page and as a table."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lpmdsl.config import RunOptions
from lpmdsl.escaping import html
from lpmdsl.insight.integrate import Curves, integrate
from lpmdsl.population.people import build_world
from lpmdsl.quantities import BOOLEAN, NUMBER
from lpmdsl.runtime.api import LoadedModel, execute
from lpmdsl.runtime.quantiles import quantiles
from lpmdsl.runtime.reports.drawing import Band, Dots, Figure, Item, Line, Panel, colour_of
from lpmdsl.runtime.reports.page import whole_page
from lpmdsl.runtime.reports.svg import image
from lpmdsl.runtime.scenarios import plan
from lpmdsl.runtime.table import Table, joined, pivot, texts
from lpmdsl.semantics import model as m
from lpmdsl.theory.coupled import coupled
from lpmdsl.theory.equations import equations
from lpmdsl.theory.formulas import NoFormula
from lpmdsl.writing.folders import Contents

ANALYSIS = Contents("analysis", "analysis.json", ("mean_field.csv", "analysis.html"))
COLUMNS = ["condition", "time", "state", "equations", "agents_median", "agents_low", "agents_high"]


@dataclass(frozen=True, slots=True)
class Compared:
    """``table``: ``COLUMNS``, people by state and time (low to high: the middle 90 % of the replicates). ``apart``:
    (condition, state) → the largest difference as a share of the people. ``without``: condition → why no equations."""

    table: Table
    apart: dict[tuple[str, str], float]
    without: dict[str, str]


def analysis_record(loaded: LoadedModel, options: RunOptions, files: dict[str, str]) -> str:
    """``analysis.json``: which model, seed and replicates, and the files beside it with their digests; not sealed."""
    record = {
        "model": loaded.model.name, "version": loaded.model.version, "seed": options.seed,
        "replicates": options.replicates, "complete": bool(files), "files": files, "seal": "",
    }  # fmt: skip
    return json.dumps(record, indent=2) + "\n"


def compared(loaded: LoadedModel, options: RunOptions) -> Compared:
    """Equations integrated and agents run, without interventions. Raises ``LpmError`` for what cannot be run."""
    quiet = _counting(loaded.model)
    planned = plan(quiet, options)
    parameters = planned.variants[0].parameters
    world = build_world(quiet, parameters, options.seed, planned.counts)
    curves, without = {}, {}
    for condition in quiet.conditions:
        if condition.name in curves:
            continue
        try:
            written = [equations(quiet, c, parameters) for c in coupled(quiet, condition)]
            curves |= integrate(quiet, written, parameters, world, options.seed)
        except NoFormula as reason:
            without[condition.name] = str(reason)
    results = execute(replace(loaded, model=quiet), options, None, show_progress=False)
    parts = [_beside(quiet, name, curve, results.table) for name, curve in curves.items()]
    table = joined(parts, Table({name: np.empty(0, object) for name in COLUMNS}))
    return Compared(table, _apart(quiet, table, world.counts), without)


def _counting(model: m.Model) -> m.Model:
    """The same model without interventions, which counts everyone's states in every step."""
    watched = tuple(_level(model, c, s) for c in model.conditions for s in range(len(c.states)))
    return replace(model, observations=watched, interventions=(), behaviours=(), scenarios=(), comparisons=(),
                   checks=(), calibrations=())  # fmt: skip


def _level(model: m.Model, condition: m.Condition, state: int) -> m.Observation:
    inside = m.InState(condition.name, (state,), BOOLEAN, condition.span)
    counted = m.Aggregate("count", condition.of, None, inside, None, NUMBER, condition.span)
    return m.Observation(
        name=_column(condition.name, state), of=condition.of, value=m.Level(counted), where=None,
        by=(), groups=("",), thinned=None, delayed=None, every=model.clock.step, unit="", scale=1.0, type=NUMBER,
        doc="", span=condition.span,
    )  # fmt: skip


def _column(condition: str, state: int) -> str:
    """The name of a count; a label may hold signs that no name has."""
    return f"{condition}_in_{state}"


def _beside(model: m.Model, name: str, curve: Curves, observed: Table) -> Table:
    parts = []
    for state, people in curve.states.items():
        rows = observed.where("observation", _column(name, model.condition(name).states.index(state)))
        _, each = pivot(rows, "step", "replicate", "value")
        low, median, high = quantiles(each, [0.05, 0.5, 0.95])
        n = len(each)
        columns = (texts(name, n), curve.time[:n], texts(state, n), people[:n], median, low, high)
        parts.append(Table(dict(zip(COLUMNS, columns, strict=True))))
    return joined(parts, Table())


def _apart(model: m.Model, table: Table, counts: dict[str, int]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for name in dict.fromkeys(table["condition"]):
        for state in model.condition(name).states:
            rows = table.where("condition", name).where("state", state)
            most = np.abs(_numbers(rows, "equations") - _numbers(rows, "agents_median")).max()
            found[(name, state)] = float(most) / counts[model.condition(name).of]
    return found


def _numbers(rows: Table, column: str) -> NDArray:
    return np.asarray(rows[column], np.float64)


def lines(found: Compared) -> list[str]:
    """Lines for a terminal."""
    told = [f"{name}: no curves of equations: {why}" for name, why in found.without.items()]
    for (name, state), share in found.apart.items():
        told.append(f"{name} {state}: equations and agents differ by at most {100 * share:.2g} % of the people")
    return told


# ------------------------------------------------------------------ the page


def page(model: str, found: Compared) -> str:
    """One self-contained page: a figure for each condition, lines for the equations, ribbons for the agents."""
    parts = [
        f"<h1>{html(model)}: equations and agents</h1>"
        "<p>Lines: the mean-field equations. Bands: the middle 90 % of the replicates, without interventions; dots: "
        "their median. The equations hold for many people who meet at random; ties, places and small numbers part "
        "the two.</p>"
    ]
    for name in dict.fromkeys(str(n) for n in found.table["condition"]):
        rows = found.table.where("condition", name)
        items = [i for k, state in enumerate(dict.fromkeys(rows["state"])) for i in _items(rows, str(state), k)]
        panel = Panel(tuple(items), x_label="days", y_label="people", from_zero=True)
        parts.append(f"<h2>{html(name)}</h2>{image(Figure((panel,), f'{name}: equations and agents by state'))}")
    parts.append(f"<ul>{''.join(f'<li>{html(line)}</li>' for line in lines(found))}</ul>")
    return whole_page(model, parts)


def _items(rows: Table, state: str, number: int) -> list[Item]:
    part, colour = rows.where("state", state), colour_of(number)
    x, equations, median, low, high = (_numbers(part, c).tolist() for c in ("time", *COLUMNS[3:]))
    some = slice(None, None, max(1, len(x) // 100))
    return [
        Band(x, low, high, colour, 0.25),
        Dots(x[some], median[some], colour, size=2.0),
        Line(x, equations, colour, state),
    ]
