"""A rule with one look at neighbours: ours beside Numba by hand and mesa-frames, in one run, on one thread.

    python -m benchmarks.rules                        # a million agents, twenty steps
    python -m benchmarks.rules --agents 100000

The same rule (``benchmarks/listen.lpm``) on networks of the same kind; ours draws its own. Set-up is apart from the
run. The shortest of three runs goes to ``results/rules.json``, and from there to ``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from datetime import date

from benchmarks.cpu import alone, machine
from benchmarks.environments import HERE, script
from benchmarks.stages import prepare
from lpmdsl import __version__
from lpmdsl.runtime.engine.execute import cpu_runner

RESULTS = HERE / "results" / "rules.json"
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- rules: begin -->", "<!-- rules: end -->"
PEERS = {"ours": "**lpmdsl**", "numba": "Numba by hand", "mesa_frames": "mesa-frames"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--agents", type=int, default=1_000_000)
    options.add_argument("--peers", default=",".join(PEERS))
    asked = options.parse_args()
    rows = []
    for peer in asked.peers.split(","):
        row = _ours(asked.agents) if peer == "ours" else _peer(peer, asked.agents)
        rows.append({"peer": peer, **row})
        print(f"{peer:<12} {row['run_s']:.3f} s, spread at the end {row['spread']:.6f}", flush=True)
    record = {"machine": machine(), "date": date.today().isoformat(), "agents": asked.agents, "rows": rows}
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(f"{before}\n\n{table(record)}\n\n{after}", encoding="utf-8")


def _ours(agents: int) -> dict:
    compiled, request, _ = prepare(HERE / "listen.lpm", agents)
    run = cpu_runner(compiled, 1)
    results = [run(request, None) for _ in range(4)]
    spread = float(results[-1].observations["spread"].ravel()[-1])
    return {
        "run_s": min(r.timings["steps"] for r in results), "spread": round(spread, 6), "version": __version__
    }  # fmt: skip


def _peer(peer: str, agents: int) -> dict:
    command = [*script(peer, f"listen_{peer}.py"), "--agents", str(agents)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=alone())
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(record: dict) -> str:
    """Engines with their seconds, and how many times ours each takes."""
    ours = next(row["run_s"] for row in record["rows"] if row["peer"] == "ours")
    lines = [
        f"{record['agents']:,} agents, 20 steps; {record['machine']}; {record['date']}; one thread; the shortest.",
        "",
        "| engine | run s | times ours | spread at the end |",
        "|---|---:|---:|---:|",
    ]
    for row in sorted(record["rows"], key=lambda r: r["run_s"]):
        cells = f"{row['run_s']:.3f} | {row['run_s'] / ours:.2f} | {row['spread']:.4f}"
        lines.append(f"| {PEERS[row['peer']]} ({row['version']}) | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
