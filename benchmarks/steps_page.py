"""The tables and the picture of ``docs/daily_step.md``, made from measured rows. What is written around them stays."""

from __future__ import annotations

from pathlib import Path

from benchmarks.environments import HERE
from benchmarks.steps_cases import FLU, SHORT

DOCS = HERE.parent / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NAMES = {"starsim": "Starsim", "laser": "LASER", "covasim": "Covasim"}


def write_page(record: dict, docs: Path = DOCS) -> None:
    """Put the tables between their marks and draw the picture. Raises ``ValueError`` if the page has no marks."""
    page = docs / "daily_step.md"
    text = page.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}\n\n{tables(record)}\n{after}", encoding="utf-8")
    draw(record, docs / "daily_step.svg")


def tables(record: dict) -> str:
    """Random mixing, households and peers, each as a table."""
    head = f"{record['machine']}; {record['date']}; lpmdsl {record['lpmdsl']}."
    return "\n".join([head, "", *_mixing(record), "", *_households(record), "", *_peers(record), ""])


def _mixing(record: dict) -> list[str]:
    lines = [
        f"**Random mixing of {record['people']:,}**, {record['seeds']} seeds, at a daily step (at six hours):", "",
        "| epidemic | | peak | its day | first 15 days | all cases |\n|---|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for row in record["mixing"]:
        lines.append(f"| {row['case']} | **lpmdsl** | {_cells(row['ours'])} |")
        if "whole_steps" in row:
            lines.append(f"| | whole steps | {_cells(row['whole_steps'])} |")
    return lines


def _cells(by_step: dict) -> str:
    day, six = (by_step.get(h) or by_step[str(h)] for h in (24, 6))
    told = [f"{_percent(day[k])} ({_percent(six[k])})" for k in ("peak", "early", "all")]
    return " | ".join([told[0], f"{day['peak_day']:+.1f} ({six['peak_day']:+.1f}) d", *told[1:]])


def _percent(share: float) -> str:
    return f"{100 * share:+.2f} %" if abs(share) < 0.001 else f"{100 * share:+.1f} %"


def _households(record: dict) -> list[str]:
    lines = [
        "**Closed households**, further cases beside one index case:", "",
        "| household | exact | lpmdsl at 24, 6, 1 hours | whole steps at 24, 6, 1 hours |", "|---|---:|---|---|",
    ]  # fmt: skip
    for row in record["households"]:
        ours, whole = (_three(row[k]) if k in row else "–" for k in ("ours", "whole_steps"))
        lines.append(f"| {row['case']} | {row['exact']:.3f} | {ours} | {whole} |")
    return lines


def _three(by_step: dict) -> str:
    return ", ".join(f"{by_step.get(h) or by_step[str(h)]:.3f}" for h in (24, 6, 1))


def _peers(record: dict) -> list[str]:
    lines = [
        "**Other engines** beside the same epidemic event by event (30 000 people, 3 seeds, ± a standard error):", "",
        "| engine | epidemic | step | peak | its day | all cases |", "|---|---|---|---:|---:|---:|",
    ]  # fmt: skip
    for row in record.get("peers", []):
        if "error" in row:
            lines.append(
                f"| {NAMES[row['peer']]} | {row['case']} | {row['hours']} h | did not run: {row['error']} | | |"
            )
            continue
        peak = f"{_percent(row['peak'])} ± {100 * row['peak_error']:.1f}"
        cells = f"{peak} | {row['peak_day']:+.1f} d | {_percent(row['all'])}"
        lines.append(f"| {NAMES[row['peer']]} ({row['version']}) | {row['case']} | {row['hours']} h | {cells} |")
    return lines


def draw(record: dict, path: Path) -> None:
    """Two epidemics, each at 24, 6 and 1 hours: ours on the left, Starsim's on the right."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lpmdsl"  # the same picture from the same numbers
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(10, 6.5), sharey="row")
    for row, case in zip(axes, (FLU, SHORT), strict=True):
        mine = next(r for r in record["mixing"] if r["case"] == case.name)["curves"]
        theirs = {str(r["hours"]): r["curve"] for r in record.get("peers", [])
                  if r["peer"] == "starsim" and r["case"] == case.name and "curve" in r}  # fmt: skip
        for panel, curves, name in ((row[0], mine, "lpmdsl"), (row[1], theirs, "Starsim")):
            for hours, width, colour in (("24", 4.5, "#f2b134"), ("6", 2.5, "#2a9d8f"), ("1", 1.0, "#1d3557")):
                if hours in curves:
                    panel.plot([100 * c for c in curves[hours]], lw=width, color=colour, label=f"{hours} h")
            panel.set(title=f"{name}: {case.name}", xlabel="days", xlim=(0, 0.8 * case.days))
            panel.grid(alpha=0.3)
            if panel.lines:
                panel.legend(title="step", frameon=False)
        row[0].set_ylabel("cases a day, % of people")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
