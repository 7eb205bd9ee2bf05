"""``report.html``: one page that needs nothing else: the curves, the parameters, the states, the model's text."""

from __future__ import annotations

import json
from html import escape

import pandas as pd
from plotly.offline import get_plotlyjs

from lpmdsl.config import BASELINE, Manifest, ParameterRecord
from lpmdsl.runtime.report_diagram import state_diagram, text_of
from lpmdsl.runtime.report_figures import Figure, figures_of
from lpmdsl.runtime.report_style import SCRIPT, STYLE
from lpmdsl.runtime.results import Results, statistics
from lpmdsl.semantics.model import Condition, Contagion, Intervention, Model, Network, Scenario
from lpmdsl.source import Source


def report_page(model: Model, source: Source, results: Results) -> str:
    """The whole page as text."""
    sections = [
        _heading(model, results.manifest),
        _key_figures(results),
        _comparison(results),
        _curves(results),
        _parameters(results.manifest),
        _conditions(model),
        _world(model, results.manifest),
        _decisions(model),
        _text(source),
        _provenance(results.manifest),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_spaced(model.name))}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(s for s in sections if s)
        + f"\n</main>\n<script>{get_plotlyjs()}</script>\n<script>{SCRIPT}</script></body></html>\n"
    )


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{body}</section>" if body else ""


def _table(header: list[str], rows: list[list[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table of ready HTML cells; columns in ``numbers`` are set to the right, empty ones left out."""
    shown = [k for k in range(len(header)) if any(row[k] for row in rows)]

    def cells(row: list[str], tag: str) -> str:
        marks = [
            ' class="number"' if k in numbers else ' class="name"' if k == 0 and tag == "td" else ""
            for k in range(len(row))
        ]
        return "".join(f"<{tag}{marks[k]}>{row[k]}</{tag}>" for k in shown)

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells(header, "th")}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(value: float) -> str:
    """Four significant digits, whole numbers whole, thousands apart; a dash for nothing."""
    if pd.isna(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


# ------------------------------------------------------------------ the run


def _heading(model: Model, manifest: Manifest) -> str:
    facts = [
        ("agents", ", ".join(f"{n:,} {kind}" for kind, n in manifest.agents.items())),
        ("time", f"{manifest.steps * manifest.step_days:g} days in steps of {manifest.step_days:g}"),
        ("from", manifest.start_date or ""),
        ("replicates", str(manifest.replicates)),
        ("seed", str(manifest.seed)),
    ]
    items = "".join(f"<li>{name} <b>{escape(value)}</b></li>" for name, value in facts if value)
    notices = [f"Not true throughout: {text}" for text in manifest.broken_checks]
    if not manifest.complete:
        notices.insert(0, f"This run is not complete ({manifest.stopped}): it shows what there was until then.")
    shown = "".join(f'<p class="notice">{escape(text)}</p>' for text in notices)
    doc = f'<p class="lead">{escape(model.doc)}</p>' if model.doc else ""
    return f'<header><h1>{escape(_spaced(model.name))}</h1>{doc}<ul class="facts">{items}</ul>{shown}</header>'


def _key_figures(results: Results) -> str:
    """Total, peak and final value per scenario and observation: medians with the middle 90 % of the replicates."""
    table = statistics(results.observations, results.manifest)
    order = {name: k for k, name in enumerate(results.manifest.observations)}
    table = table.sort_values("observation", key=lambda names: names.map(order), kind="stable")
    rows = []
    for key, part in table.groupby(["observation", "group", "scenario"], sort=False):
        observation, group, scenario = (str(k) for k in key)  # type: ignore[union-attr]
        name = escape(_spaced(observation)) + (f" <small>{escape(group.replace('|', ', '))}</small>" if group else "")
        unit = results.manifest.observations[observation].unit
        rows.append(
            [
                name,
                escape(_spaced(scenario)),
                *(_spread(pd.Series(part[s])) for s in ("total", "peak", "final")),
                escape(unit),
            ]
        )
    many = results.manifest.replicates > 1
    note = '<p class="soft">Medians over the replicates; in brackets the middle 90 % of them.</p>' if many else ""
    header = ["Observation", "Scenario", "Total", "Peak", "Final", "Unit"]
    return _section("Key figures", _table(header, rows, frozenset({2, 3, 4})) + note if rows else "")


def _spread(values: pd.Series) -> str:
    values = values.dropna()
    if values.empty:
        return "–"
    median = _number(values.median())
    if len(values) < 3:
        return median
    return f"{median} <small>[{_number(values.quantile(0.05))} – {_number(values.quantile(0.95))}]</small>"


def _comparison(results: Results) -> str:
    if results.comparison.empty:
        return ""
    rows = []
    for row in results.comparison.to_dict("records"):
        paired = (
            "–" if pd.isna(row["difference"]) else _interval(row, "difference", "difference_low", "difference_high")
        )
        below = "–" if pd.isna(row["probability_below"]) else f"{row['probability_below']:.0%}"
        group = f" <small>{escape(str(row['group']))}</small>" if row["group"] else ""
        name = escape(_spaced(str(row["report"]))) + group
        rows.append([name, escape(_spaced(str(row["scenario"]))), _interval(row, "mean", "low", "high"), paired, below])
    baseline = escape(_spaced(str(results.comparison["baseline"].iloc[0])))
    note = (
        '<p class="soft">Means; in brackets the middle 95 % of the replicates. The difference is taken within '
        "each replicate, in which all scenarios share their luck.</p>"
    )
    header = ["Report", "Scenario", "Mean", f"Difference from {baseline}", "Lower in"]
    return _section("Comparison", _table(header, rows, frozenset({2, 3, 4})) + note)


def _interval(row: dict, middle: str, low: str, high: str) -> str:
    return f"{_number(row[middle])} <small>[{_number(row[low])} – {_number(row[high])}]</small>"


def _curves(results: Results) -> str:
    parts = []
    for name, record in results.manifest.observations.items():
        figures = figures_of(results, name)
        if figures:
            drawn = "".join(_figure(figure) for figure in figures)
            doc = f'<p class="soft">{escape(record.doc)}</p>' if record.doc else ""
            body = f'<div class="grid">{drawn}</div>' if len(figures) > 1 else drawn
            parts.append(f"<h3>{escape(_spaced(name))}</h3>{doc}{body}")
    ribbons = "Lines are medians over the replicates, ribbons the middle 50 % and 90 % of them."
    note = f'<p class="soft">{ribbons}</p>' if results.manifest.replicates >= 3 else ""
    return _section("Curves", note + "".join(parts) if parts else "")


def _figure(figure: Figure) -> str:
    # "</" would end the script element early.
    data = json.dumps({"data": figure.data, "layout": figure.layout}, allow_nan=False, separators=(",", ":")).replace(
        "</", "<\\/"
    )
    title = f'<p class="soft">{escape(figure.title)}</p>' if figure.title else ""
    return f'<div>{title}<div class="figure"><script type="application/json">{data}</script></div></div>'


# ------------------------------------------------------------------ the model


def _parameters(manifest: Manifest) -> str:
    rows = []
    for name, record in manifest.parameters.items():
        notes = [record.doc, f"Source: {record.source}" if record.source else "", _changes(name, record, manifest)]
        about = "<br>".join(escape(note) for note in notes if note)
        prior = f"<code>{escape(record.prior)}</code>" if record.prior else ""
        rows.append([escape(name), _number(record.value), escape(record.unit), prior, about])
    return _section(
        "Parameters", _table(["Parameter", "Value", "Unit", "Prior", "About"], rows, frozenset({1})) if rows else ""
    )


def _changes(name: str, record: ParameterRecord, manifest: Manifest) -> str:
    """What scenarios make of the parameter: the ratio of value to base gives the unit's scale."""
    scale = record.value / record.base if record.base else 1.0
    changed = [
        f"In scenario {_spaced(scenario)}: {_number(values[name] * scale)} {record.unit}"
        for scenario, values in manifest.changes.items()
        if name in values
    ]
    return "; ".join(changed)


def _conditions(model: Model) -> str:
    parts = []
    for condition in model.conditions:
        contagion = model.contagion_of(condition.name)
        doc = f'<p class="soft">{escape(condition.doc)}</p>' if condition.doc else ""
        spread = _spread_list(condition, contagion) if contagion else ""
        parts.append(
            f'<h3>{escape(condition.name)}</h3>{doc}<div class="wide">{state_diagram(condition)}</div>{spread}'
        )
    return _section("States", "".join(parts))


def _spread_list(condition: Condition, contagion: Contagion) -> str:
    """Which states infect whom, where, and at what rate."""
    rows = [
        [
            ", ".join(escape(condition.states[s]) for s in spread.states),
            escape(spread.network),
            f"<code>{escape(text_of(spread.rate.span))}</code>",
        ]
        for spread in contagion.spreads
    ]
    return _table(["Spread from", "On", "At"], rows)


def _world(model: Model, manifest: Manifest) -> str:
    rows = []
    for agent in model.agents:
        members = ", ".join(escape(member.name) for member in agent.members)
        number = manifest.agents.get(agent.name, agent.count or 0)
        rows.append([escape(agent.name), f"{number:,}", members, escape(agent.doc)])
    agents = _table(["Agent", "Number", "Attributes and places", "About"], rows, frozenset({1}))
    ties = [
        [escape(n.name), escape(n.of), _how(n), _contacts(n), escape(n.days or "every day"), escape(n.doc)]
        for n in model.networks
    ]
    networks = _table(["Network", "Joins", "How", "Contacts", "When", "About"], ties) if ties else ""
    return _section("Agents and networks", agents + networks)


def _how(network: Network) -> str:
    if network.generator:
        return f"<code>{escape(text_of(network.generator.span))}</code>"
    if network.file:
        return f"from <code>{escape(network.file)}</code>"
    if network.layout == "place":
        return f"sharing {escape(network.place)}"
    return f"at random, mixing by {escape(network.mixing)}" if network.mixing else "at random"


def _contacts(network: Network) -> str:
    if network.contacts is None:
        return "as the mixing table says" if network.mixing else "in the contagion's rate"
    return f"<code>{escape(text_of(network.contacts.span))}</code>" + (" per tie" if network.per_tie else "")


def _decisions(model: Model) -> str:
    """Interventions and scenarios in the model's own words."""
    rows = [
        [escape(_spaced(d.name)), escape(d.doc), f"<pre>{escape(_own_words(d))}</pre>"]
        for d in (*model.interventions, *model.scenarios)
    ]
    return _section("Interventions and scenarios", _table(["Name", "About", "In the model"], rows) if rows else "")


def _own_words(declaration: Intervention | Scenario) -> str:
    span = declaration.span
    return span.source.text[span.start : span.end].rstrip()


def _text(source: Source) -> str:
    body = f"<details><summary>{escape(source.name)}</summary><pre>{escape(source.text)}</pre></details>"
    return _section("The model's text", body)


def _provenance(manifest: Manifest) -> str:
    seconds = manifest.seconds
    memory = f"{manifest.peak_memory_mib:,.0f} MiB" if manifest.peak_memory_mib is not None else ""
    rows = [
        ("Model", f"{manifest.model} {manifest.version}"),
        ("SHA-256", manifest.sha256),
        ("Versions", ", ".join(f"{name} {number}" for name, number in manifest.versions.items())),
        ("Scenarios", ", ".join(manifest.scenarios or (BASELINE,))),
        ("Replicates finished", str(manifest.finished_replicates)),
        ("Back end", f"{manifest.backend}, {manifest.threads} threads"),
        ("Seconds", f"compile {seconds.compile:.2f}, set up {seconds.setup:.2f}, run {seconds.run:.2f}"),
        ("Agent-steps per second", f"{manifest.agent_steps_per_second:,.0f}"),
        ("Peak memory", memory),
        ("Started", manifest.started),
        ("Finished", manifest.finished or ""),
    ]
    return _section("This run", _table(["What", "Value"], [[name, escape(value)] for name, value in rows if value]))
