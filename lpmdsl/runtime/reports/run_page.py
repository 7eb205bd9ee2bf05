"""``report.html``: one page that needs nothing else: the curves, the parameters, the states, the model's text."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from lpmdsl.config import BASELINE, Manifest, ParameterRecord
from lpmdsl.escaping import html
from lpmdsl.runtime.endings import ending_lines
from lpmdsl.runtime.quantiles import quantiles
from lpmdsl.runtime.reports.figures import baseline_figure, figure_of
from lpmdsl.runtime.reports.headline import headline_observation, headlines
from lpmdsl.runtime.reports.page import whole_page
from lpmdsl.runtime.reports.parts import (
    behaviours_table,
    contacts_of,
    how_joined,
    lower_in_words,
    model_text,
    number,
    own_words,
    section,
    spaced,
    state_sections,
    table,
    time_in_words,
)
from lpmdsl.runtime.reports.svg import image
from lpmdsl.runtime.results import Results, statistics
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source


def report_page(model: Model, source: Source, results: Results) -> str:
    """The whole page as text."""
    sections = [
        _heading(model, results.manifest),
        _headline(model, results),
        _key_figures(results),
        _costs(results),
        _comparison(results),
        _curves(results),
        _parameters(results.manifest),
        state_sections(model),
        _world(model, results.manifest),
        _decisions(model),
        model_text(source),
        _provenance(results.manifest),
    ]
    return whole_page(spaced(model.name), sections)


# ------------------------------------------------------------------ the run


def _heading(model: Model, manifest: Manifest) -> str:
    facts = [
        ("agents", ", ".join(f"{n:,} {kind}" for kind, n in manifest.agents.items())),
        ("time", time_in_words(manifest.steps, manifest.step_days)),
        ("early end", "; ".join(ending_lines(manifest))),
        ("from", manifest.start_date or ""),
        ("replicates", str(manifest.replicates)),
        ("seed", str(manifest.seed)),
    ]
    items = "".join(f"<li>{name} <b>{html(value)}</b></li>" for name, value in facts if value)
    notices = [f"Not true throughout: {text}" for text in manifest.broken_checks]
    if not manifest.complete:
        notices.insert(0, f"This run is not complete ({manifest.stopped}): it shows what there was until then.")
    shown = "".join(f'<p class="notice">{html(text)}</p>' for text in notices)
    doc = f'<p class="lead">{html(model.doc)}</p>' if model.doc else ""
    return f'<header><h1>{html(spaced(model.name))}</h1>{doc}<ul class="facts">{items}</ul>{shown}</header>'


def _headline(model: Model, results: Results) -> str:
    """Result in words, and the baseline's curve of it."""
    said = headlines(model, results)
    observation = headline_observation(model, results.manifest)
    if not said or observation is None:
        return ""
    first, *others = said
    words = f'<p class="headline">{html(first)}</p>' + "".join(
        f'<p class="headline more">{html(line)}</p>' for line in others
    )
    figure = baseline_figure(results, observation.name)
    return words + (image(figure) if figure is not None else "")


def _key_figures(results: Results) -> str:
    return section("Key figures", key_figures(results))


def key_figures(results: Results) -> str:
    """Total, peak and final value per scenario and observation: medians with the middle 90 % of the replicates."""
    found = statistics(results.table, results.manifest)
    order = {name: k for k, name in enumerate(results.manifest.observations)}
    found = found.take(np.argsort([order[name] for name in found["observation"]], kind="stable"))
    rows = []
    for part in map(found.take, found.groups("observation", "group", "scenario").rows()):
        observation, group, scenario = (str(part[key][0]) for key in ("observation", "group", "scenario"))
        name = html(spaced(observation)) + (f" <small>{html(group.replace('|', ', '))}</small>" if group else "")
        unit = html(results.manifest.observations[observation].unit)
        rows.append([name, html(spaced(scenario)), *(_spread(part[s]) for s in ("total", "peak", "final")), unit])
    many = results.manifest.replicates > 1
    note = '<p class="soft">Medians over the replicates; in brackets the middle 90 % of them.</p>' if many else ""
    header = ["Observation", "Scenario", "Total", "Peak", "Final", "Unit"]
    return table(header, rows, frozenset({2, 3, 4})) + note if rows else ""


def _costs(results: Results) -> str:
    """Table of the costs of every intervention, by scenario."""
    rows = [
        [html(spaced(name)), html(spaced(scenario)), _spread(spent), html(record.currency)]
        for name, record in results.manifest.costs.items()
        for scenario, spent in record.spent.items()
    ]
    return section("Costs", table(["Intervention", "Scenario", "Spent", "Unit"], rows, frozenset({2}))) if rows else ""


def _spread(found: Iterable[float]) -> str:
    values = [value for value in found if not math.isnan(value)]
    if not values:
        return "–"
    low, middle, high = (number(q) for q in quantiles(values, [0.05, 0.5, 0.95]))
    return middle if len(values) < 3 else f"{middle} <small>[{low} – {high}]</small>"


def _comparison(results: Results) -> str:
    return section("Comparison", comparison(results))


def comparison(results: Results) -> str:
    """Table of what the scenarios compare, or nothing."""
    if not len(results.compared):
        return ""
    rows = []
    for row in results.compared.rows():
        paired = (
            "–" if math.isnan(row["difference"]) else _interval(row, "difference", "difference_low", "difference_high")
        )
        below = lower_in_words(row["probability_below"], results.manifest.replicates)
        group = f" <small>{html(str(row['group']))}</small>" if row["group"] else ""
        name = html(spaced(str(row["report"]))) + group
        unit = html(str(row.get("unit", "")))
        scenario = html(spaced(str(row["scenario"])))
        rows.append([name, scenario, unit, _interval(row, "mean", "low", "high"), paired, below])
    baseline = html(spaced(str(results.compared["baseline"][0])))
    note = (
        '<p class="soft">Means; in brackets the middle 95 % of the replicates. The difference is taken within '
        "each replicate, in which all scenarios use common random numbers.</p>"
    )
    header = ["Report", "Scenario", "Unit", "Mean", f"Difference from {baseline}", f"Lower than in {baseline}"]
    return table(header, rows, frozenset({3, 4, 5})) + note


def _interval(row: dict, middle: str, low: str, high: str) -> str:
    return f"{number(row[middle])} <small>[{number(row[low])} – {number(row[high])}]</small>"


def _curves(results: Results) -> str:
    parts = []
    for name, record in results.manifest.observations.items():
        figure = figure_of(results, name)
        if figure is not None:
            doc = f'<p class="soft">{html(record.doc)}</p>' if record.doc else ""
            parts.append(f"<h3>{html(spaced(name))}</h3>{doc}{image(figure)}")
    ribbons = "Lines are medians over the replicates, ribbons the middle 50 % and 90 % of them."
    note = f'<p class="soft">{ribbons}</p>' if results.manifest.replicates >= 3 else ""
    return section("Curves", note + "".join(parts) if parts else "")


# ------------------------------------------------------------------ the model


def _parameters(manifest: Manifest) -> str:
    rows = []
    for name, record in manifest.parameters.items():
        notes = [record.doc, f"Source: {record.source}" if record.source else "", _changes(name, record, manifest)]
        about = "<br>".join(html(note) for note in notes if note)
        prior = f"<code>{html(record.prior)}</code>" if record.prior else ""
        rows.append([html(name), number(record.value), html(record.unit), prior, about])
    return section(
        "Parameters", table(["Parameter", "Value", "Unit", "Prior", "About"], rows, frozenset({1})) if rows else ""
    )


def _changes(name: str, record: ParameterRecord, manifest: Manifest) -> str:
    """Values of the parameter in scenarios: the ratio of value to base gives the unit's scale."""
    scale = record.value / record.base if record.base else 1.0
    changed = [
        f"In scenario {spaced(scenario)}: {number(values[name] * scale)} {record.unit}"
        for scenario, values in manifest.changes.items()
        if name in values
    ]
    return "; ".join(changed)


def _world(model: Model, manifest: Manifest) -> str:
    rows = []
    for agent in model.agents:
        members = ", ".join(html(member.name) for member in agent.written)
        number = manifest.agents.get(agent.name, agent.count or 0)
        rows.append([html(agent.name), f"{number:,}", members, html(agent.doc)])
    agents = table(["Agent", "Number", "Attributes and places", "About"], rows, frozenset({1}))
    ties = [
        [html(n.name), html(n.of), how_joined(n), contacts_of(n, model), html(n.days or "every day"), html(n.doc)]
        for n in model.networks
    ]
    networks = table(["Network", "Joins", "How", "Contacts", "When", "About"], ties) if ties else ""
    return section("Agents and networks", agents + networks)


def _decisions(model: Model) -> str:
    """Interventions and scenarios in the model's own words."""
    rows = [
        [html(spaced(d.name)), html(d.doc), f"<pre>{html(own_words(d))}</pre>"]
        for d in (*model.rules, *model.interventions, *model.scenarios)
    ]
    title = "Rules, interventions and scenarios" if model.rules else "Interventions and scenarios"
    acts = section(title, table(["Name", "About", "In the model"], rows) if rows else "")
    return section("Behaviours", behaviours_table(model)) + acts


def _provenance(manifest: Manifest) -> str:
    seconds = manifest.seconds
    memory = f"{manifest.peak_memory_mib:,.0f} MiB" if manifest.peak_memory_mib is not None else ""
    rows = [
        ("Model", f"{manifest.model} {manifest.version}"),
        ("SHA-256", manifest.sha256),
        ("Versions", ", ".join(f"{name} {number}" for name, number in manifest.versions.items())),
        ("Scenarios", ", ".join(manifest.scenarios or (BASELINE,))),
        ("Ties", ", ".join(f"{name}: {number:,}" for name, number in manifest.ties.items())),
        ("Replicates finished", str(manifest.finished_replicates)),
        ("Back end", f"{manifest.backend}, {manifest.threads} threads"),
        ("Seconds", f"compile {seconds.compile:.2f}, set up {seconds.setup:.2f}, run {seconds.run:.2f}"),
        ("Agent-steps per second", f"{manifest.agent_steps_per_second:,.0f}"),
        ("Peak memory", memory),
        ("Started", manifest.started),
        ("Finished", manifest.finished or ""),
    ]
    return section("This run", table(["What", "Value"], [[name, html(value)] for name, value in rows if value]))
