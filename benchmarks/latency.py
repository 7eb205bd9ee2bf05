"""Processor seconds from a keystroke to an answer: checks and runs in processes of their own, against what Python and
three libraries take to load.

    python -m benchmarks.latency                    # prints, writes results/latency.json and the table of the page
    python -m benchmarks.latency --environment DIR  # and measures the size of an installation

Everything is measured in turns, so that a busy machine is busy for all alike; the smallest of the turns counts.
Bytecode is kept, as an installation keeps it, in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.cpu import machine

if sys.platform != "win32":
    import resource

ROOT = Path(__file__).parent.parent
PAGE, RESULTS = ROOT / "docs" / "performance.md", ROOT / "benchmarks" / "results" / "latency.json"
BEGIN, END = "<!-- latency: begin -->", "<!-- latency: end -->"
PACKAGES = ("lpmdsl", "numpy", "lark", "pydantic", "llvmlite", "scipy")
TURNS, FIRST_TURNS = 5, 2
LINE = "  from S at rate 0.0001 per day to R\n"
"""What an edit adds to the condition of the town."""


@dataclass(frozen=True, slots=True)
class Case:
    """``words`` of the command; ``prepare`` is called before each turn. ``most``: what is promised, in seconds or, of a
    check, in times the libraries."""

    name: str
    words: list[str]
    prepare: Callable[[], None]
    turns: int
    most: float
    in_times: bool = False


def main() -> None:
    """Measure all cases, and write them down."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--environment", type=Path, help="the folder of an installation, whose size is measured")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        record = measured(Path(folder))
    if given.environment is not None:
        record["environment_mb"] = round(size_of(given.environment) / 1e6)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write(record, PAGE)
    print(table(record))


def measured(folder: Path) -> dict:
    """The record of a measurement; ``folder``: for caches, edited models and results."""
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
        "LPMDSL_CACHE": str(folder / "cache"), "PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    libraries = [sys.executable, "-c", "import numpy, lark, pydantic"]
    seconds(libraries, surroundings)
    rows = []
    for case in cases(folder):
        case.prepare()
        seconds([sys.executable, "-m", "lpmdsl.cli", *case.words], surroundings)  # bytecode, and the files in memory
        base, own = [], []
        for _ in range(case.turns):
            base.append(seconds(libraries, surroundings))
            case.prepare()
            own.append(seconds([sys.executable, "-m", "lpmdsl.cli", *case.words], surroundings))
        rows.append({
            "case": case.name, "seconds": round(min(own), 3), "libraries": round(min(base), 3),
            "times": round(min(own) / min(base), 2), "most": case.most, "in_times": case.in_times,
        })  # fmt: skip
    return {"machine": machine(), "date": date.today().isoformat(), "versions": _versions(), "rows": rows}


def cases(folder: Path) -> list[Case]:
    """What is measured, in the order of the table."""
    town, city, network = (ROOT / "models" / f"{n}.lpm" for n in ("town_flu", "nyc_isolation", "sir_network"))
    edited, cache = folder / "town_flu.lpm", folder / "cache"

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    def edit() -> None:
        """The cache of the text as it was, and a text with a line more."""
        forget()
        shutil.copytree(folder / "kept", cache)
        edited.write_text(with_a_line(town.read_text(encoding="utf-8")), encoding="utf-8")

    def keep() -> None:
        if not (folder / "kept").exists():
            shutil.copytree(cache, folder / "kept")

    def run(path: Path) -> list[str]:
        return ["run", str(path), "--quiet", "--force", "--out", str(folder / "out")]

    def check(path: Path) -> list[str]:
        return ["check", str(path)]

    return [
        Case("check town_flu", check(town), lambda: None, TURNS, 3.0, in_times=True),
        Case("check nyc_isolation", check(city), lambda: None, TURNS, 3.0, in_times=True),
        Case("first run of sir_network, empty caches", run(network), forget, FIRST_TURNS, 4.0),
        Case("first run of town_flu, empty caches", run(town), forget, FIRST_TURNS, 6.0),
        Case("run of town_flu again, with report", run(town), keep, TURNS, 1.5),
        Case("run of town_flu with a line more in a condition", run(edited), edit, FIRST_TURNS, 3.0),
    ]


def with_a_line(text: str) -> str:
    """The text with one more exit of the susceptible in its first condition."""
    head, line, rest = text.partition("  from S by contagion")
    if not line:
        raise ValueError("the model has no exit of the susceptible by contagion")
    return head + LINE + line + rest


def seconds(command: list[str], surroundings: dict[str, str]) -> float:
    """Processor seconds of a process and all that it starts. Raises ``CalledProcessError`` where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=surroundings, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


# ------------------------------------------------------------------ the page


def table(record: dict) -> str:
    """The table of the page as Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    lines = [f"{record['machine']}; {record['date']}; {versions}.", "",
             "| what | processor seconds | times the libraries | at most |", "|---|---|---|---|"]  # fmt: skip
    for row in record["rows"]:
        most = f"{row['most']:g} times" if row["in_times"] else f"{row['most']:g} s"
        lines.append(f"| {row['case']} | {row['seconds']:.2f} | {row['times']:.1f} | {most} |")
    if "environment_mb" in record:
        lines.append(f"| `pip install lpmdsl` in a new environment | {record['environment_mb']} MB | | 600 MB |")
    return "\n".join(lines)


def write(record: dict, page: Path) -> None:
    """Put the table between its marks in the page."""
    text = page.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}\n\n{table(record)}\n\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
