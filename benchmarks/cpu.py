"""Ours against everyone's, in one run: SEIR on a random network, the same work for each, on one thread.

    python -m benchmarks.cpu                          # every peer up to its largest size; an hour
    python -m benchmarks.cpu --sizes 100000 --repeat 1

Each engine runs in an environment of its own (``benchmarks.environments``), one after another. Set-up is apart from
the run; the medians, the processor time, the largest memory and the attack rate go to ``results/cpu.json`` after every
run, and from there the table and the picture to ``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
from datetime import date
from pathlib import Path

from benchmarks.environments import HERE, PEERS_MEASURED, Peer, command
from benchmarks.performance_page import write_page

RESULTS = HERE / "results" / "cpu.json"
SIZES = (10_000, 100_000, 1_000_000, 8_400_000, 20_000_000)
LONG = 30.0
"""Seconds beyond which one run is enough."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sizes", default=",".join(map(str, SIZES)))
    options.add_argument("--peers", default=",".join(p.name for p in PEERS_MEASURED))
    options.add_argument("--repeat", type=int, default=3)
    asked = options.parse_args()
    record = {"machine": machine(), "date": date.today().isoformat(), "rows": []}
    if RESULTS.exists() and (old := json.loads(RESULTS.read_text()))["machine"] == record["machine"]:
        record["rows"] = old["rows"]
    wanted = [p for p in PEERS_MEASURED if p.name in asked.peers.split(",")]
    for agents in map(int, asked.sizes.split(",")):
        for peer in (p for p in wanted if agents <= p.largest):
            row = measured(peer, agents, asked.repeat)
            record["rows"] = merged(record["rows"], [row])
            RESULTS.write_text(json.dumps(record, indent=1) + "\n")
            told = row.get("error") or f"{row['run_s']:.3f} s, {row['attack']:.3f} infected"
            print(f"{agents:>10,} {peer.name:<12} {told}", flush=True)
    write_page(record)


def merged(old: list[dict], new: list[dict]) -> list[dict]:
    """The rows of both; of the same engine and size the new one. Rows of another machine are not mixed in."""
    measured_again = {(row["peer"], row["agents"]) for row in new}
    return [row for row in old if (row["peer"], row["agents"]) not in measured_again] + new


def machine() -> str:
    """Processor and cores, in words."""
    about = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":")[1].strip() for line in about.splitlines() if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, {platform.system()}"


def measured(peer: Peer, agents: int, repeat: int) -> dict:
    """The medians of several seeds; an ``error`` in words where the peer could not be run."""
    runs: list[dict] = []
    try:
        for seed in range(1, repeat + 1):
            done = subprocess.run(command(peer, agents, seed), capture_output=True, text=True, check=True, env=alone())
            runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
            if runs[-1]["run_s"] > LONG:
                break
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        why = getattr(error, "stderr", None) or str(error)
        return {"peer": peer.name, "agents": agents, "error": f"{peer.name}: {why.strip().splitlines()[-1]}"}
    return median_of(peer.name, runs)


def median_of(peer: str, runs: list[dict]) -> dict:
    """One row of several runs of the same size."""
    columns = ("setup_s", "run_s", "run_cpu_s", "peak_mib", "attack")
    row = {"peer": peer, "agents": runs[0]["agents"], "runs": len(runs), "version": runs[0]["version"]}
    row |= {c: round(statistics.median(r[c] for r in runs), 5) for c in columns}
    return row | {"each_run_s": [r["run_s"] for r in runs]}


def alone() -> dict[str, str]:
    """The environment variables of a run: one thread, and our own package to be found."""
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    threads = dict.fromkeys((f"{who}_NUM_THREADS" for who in ("OMP", "MKL", "OPENBLAS", "NUMBA")), "1")
    return os.environ | threads | {"POLARS_MAX_THREADS": "1", "PYTHONPATH": paths, "STARSIM_INSTALL_FONTS": "0"}


if __name__ == "__main__":
    main()
