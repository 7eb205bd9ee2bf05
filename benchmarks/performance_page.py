"""The table and the picture of ``docs/performance.md``, made from measured rows. What is written around them stays."""

from __future__ import annotations

from pathlib import Path

from benchmarks.environments import HERE, PEERS_MEASURED

DOCS = HERE.parent / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_page(record: dict, docs: Path = DOCS) -> None:
    """Put the table between its marks and draw the picture. Raises ``ValueError`` if the page has no marks."""
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}\n\n{table(record)}\n{after}", encoding="utf-8")
    draw(record, docs / "performance.svg")


def table(record: dict) -> str:
    """Every size with its engines, fastest first, and how many times ours each takes."""
    lines = [f"{record['machine']}; {record['date']}; one thread; medians.", ""]
    for agents in sorted({row["agents"] for row in record["rows"]}):
        rows = [r for r in record["rows"] if r["agents"] == agents]
        lines += [f"**{agents:,} agents**", "", _HEAD, "|---|" + "---:|" * 6]
        lines += [_line(r, _ours(rows)) for r in sorted(rows, key=lambda r: r.get("run_s", float("inf")))]
        lines.append("")
    return "\n".join(lines)


_HEAD = "| engine | set-up s | run s | processor s | peak MiB | infected | times ours |"


def _ours(rows: list[dict]) -> float:
    return next((r["run_s"] for r in rows if r["peer"] == "ours" and "run_s" in r), float("nan"))


def _line(row: dict, ours: float) -> str:
    words = next(p.words for p in PEERS_MEASURED if p.name == row["peer"])
    if "error" in row:
        return f"| {words} | did not run: {row['error']} | | | | | |"
    ratio = row["run_s"] / ours
    cells = [f"{row[c]:.3g}" for c in ("setup_s", "run_s", "run_cpu_s")]
    infected, times = f"{100 * row['attack']:.1f} %", f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
    return f"| {words} ({row['version']}) | {' | '.join(cells)} | {row['peak_mib']:,.0f} | {infected} | {times} |"


def draw(record: dict, path: Path) -> None:
    """Seconds of the run against agents, both logarithmic; slowest at a hundred thousand agents first in the legend."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lpmdsl"  # the same picture from the same numbers
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 5.5))
    curves = {p: [(r["agents"], r["run_s"]) for r in record["rows"] if r["peer"] == p.name and "run_s" in r]
              for p in PEERS_MEASURED}  # fmt: skip
    for peer in sorted((p for p in curves if curves[p]), key=lambda p: -dict(curves[p]).get(100_000, 0)):
        points = sorted(curves[peer])
        width = 3.5 if peer.name == "ours" else 1.5
        axes.loglog(*zip(*points, strict=True), marker="o", lw=width, label=peer.words.replace("*", ""))
    axes.set(xlabel="agents", ylabel="seconds for 100 days, one thread", title="SEIR on a random network of degree 10")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
