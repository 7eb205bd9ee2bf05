"""An intervention of each of a thousand schools beside one for everybody, in turn, in one process, on one thread.

    python -m benchmarks.closing                      # a million people, a hundred days
    python -m benchmarks.closing --agents 100000

Both scale contacts in schools by 97 %, so that the epidemics are alike and only the machinery differs. The shortest of
seven runs each, in processor seconds, goes to ``results/closing.json``, and from there to ``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date

from benchmarks.cpu import machine
from benchmarks.environments import HERE
from benchmarks.stages import prepare
from lpmdsl.runtime.engine.execute import cpu_runner

RESULTS = HERE / "results" / "closing.json"
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- closing: begin -->", "<!-- closing: end -->"
WAYS = {"closing_at_once": "one for everybody", "closing_by_school": "one of each school"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--agents", type=int, default=1_000_000)
    record = measured(options.parse_args().agents)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(f"{before}\n\n{table(record)}\n\n{after}", encoding="utf-8")


def measured(agents: int, repeat: int = 7) -> dict:
    """Seconds, cases and places of each way; the first run of each compiles and does not count."""
    runs, rows = {}, {}
    for way in WAYS:
        compiled, request, _ = prepare(HERE / f"{way}.lpm", agents)
        runs[way] = cpu_runner(compiled, 1), request
    for k in range(repeat + 1):
        for way, (run, request) in runs.items():
            began = time.process_time()
            result = run(request, None)
            seconds = time.process_time() - began
            row = rows.setdefault(way, {"way": way, "run_s": float("inf")})
            row |= {"run_s": min(row["run_s"], seconds) if k else row["run_s"]}
            row |= {"cases": int(result.observations["cases"].sum())}
            row |= {"schools": request.world.place_counts["Person", "school"]}
            print(f"{way:<20} {seconds:.3f} s, {row['cases']:,} cases", flush=True)
    return {"machine": machine(), "date": date.today().isoformat(), "agents": agents, "rows": list(rows.values())}


def table(record: dict) -> str:
    """Both ways with their seconds, and how many times one for everybody each takes."""
    least = next(row["run_s"] for row in record["rows"] if row["way"] == "closing_at_once")
    lines = [
        f"{record['agents']:,} agents, {record['rows'][0]['schools']:,} schools, 100 steps; {record['machine']}; "
        f"{record['date']}; one thread; processor seconds of a run, the shortest.",
        "",
        "| intervention | s | times one for everybody | cases |",
        "|---|---:|---:|---:|",
    ]
    for row in record["rows"]:
        lines.append(f"| {WAYS[row['way']]} | {row['run_s']:.3f} | {row['run_s'] / least:.2f} | {row['cases']:,} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
