"""The tables of ``docs/gradients.md``, made from measured rows. What is written around them stays."""

from __future__ import annotations

from pathlib import Path

from benchmarks.gradient_models import SETTINGS

PAGE = Path(__file__).parent.parent / "docs" / "gradients.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_page(record: dict, page: Path = PAGE) -> None:
    """Put the tables between their marks. Raises ``ValueError`` if the page has no marks."""
    text = page.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}\n\n{tables(record)}\n{after}", encoding="utf-8")


def tables(record: dict) -> str:
    """Bias in % and spread of one sample over the truth, setting by setting; then what a gradient costs."""
    shown = [s for s in SETTINGS if s.name in record["truths"]]
    lines = ["| estimator | " + " | ".join(s.words for s in shown) + " |", "|---|" + "---|" * len(shown)]
    truths = [record["truths"][s.name] for s in shown]
    lines.append("| truth | " + " | ".join(_truth(t) for t in truths) + " |")
    for estimator in dict.fromkeys(row["estimator"] for row in record["rows"]):
        rows = {row["setting"]: row for row in record["rows"] if row["estimator"] == estimator}
        lines.append(f"| {estimator} | " + " | ".join(_cell(rows.get(s.name)) for s in shown) + " |")
    if "cost" in record:
        lines += ["", _cost(record["cost"])]
    return "\n".join(lines) + "\n"


def _truth(truth: dict) -> str:
    return f"{truth['truth']:.4g} ± {truth['se']:.2g}" if truth["se"] else f"{truth['truth']:.5g}, exact"


def _cell(row: dict | None) -> str:
    """``+3 / .95 ✓``: a tick where the certificate holds, a cross where it convicts, nothing where it is undecided."""
    if row is None:
        return ""
    mark = " ✓" if row["passes"] else " ✗" if "wrong" in row["verdict"] else ""
    bias = f"{100 * row['bias']:+.0f}" if abs(row["bias"]) < 100 else f"{100 * row['bias']:+.0e}"
    spread = f" / {row['spread']:.2g}" if row["spread"] else ""
    return f"{bias}{spread}{mark}"


def _cost(cost: dict) -> str:
    forward, lines = cost["forward"], []
    for what, words in (("auto", "with certificates and the mean"), ("score", "alone")):
        found = cost[what]
        lines.append(
            f"`{what}`, {words}: {found['seconds']:.0f} s and {found['peak_mib']:,} MiB, "
            f"{found['times']} times the time and {found['memory']} times the memory"
        )
    return (
        f"A gradient of 20 parameters at {cost['agents']:,} agents (`benchmarks/twenty_parameters.lpm`), "
        f"{cost['replicates']} replicates, beside forward runs of the same replicates ({forward['seconds']:.0f} s of "
        f"the processor and {forward['peak_mib']:,} MiB): {'; '.join(lines)}."
    )
