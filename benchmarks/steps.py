"""A daily step judged: ours at steps of 24, 6 and 1 hours against peers at theirs, and against exact values.

    python -m benchmarks.steps                # about a quarter of an hour on one thread
    python -m benchmarks.steps --only ours    # without the peers; --people 100000 --seeds 1 for a look

The same epidemics for all (``benchmarks.steps_cases``). What is exact is worked out event by event or by equations
(``benchmarks.steps_exact``); ours is also held against itself at steps of an hour, on the same draws, which
leaves no chance. Results go to ``results/steps.json``, from there the table and the picture to ``docs/daily_step.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

import lpmdsl
from benchmarks.cpu import alone, machine
from benchmarks.environments import HERE, script
from benchmarks.steps_cases import FLU, HOUSEHOLDS, MIXING, SHORT, Household, Mixing
from benchmarks.steps_exact import (
    Series,
    daily_cases,
    final_size,
    further_cases,
    whole_steps,
    whole_steps_at_home,
)
from benchmarks.steps_page import write_page

RESULTS = HERE / "results" / "steps.json"
STEPS = {24: "1 day", 6: "6 hours", 1: "1 hour"}
"""Hours → how a model writes them."""
FINEST = 1
"""Hours: of what a daily step does to second order, a 576th is left."""
PEER_PEOPLE, PEER_SEEDS = 30_000, 3
PEERS = {"starsim": ((24, 6, 1), (FLU, SHORT)), "laser": ((24, 6, 1), (FLU,)), "covasim": ((24,), (FLU,))}
"""Peer → hours of its steps (Covasim has days alone), and the epidemics that it can be given."""
EARLY = 15
HOMES = 100_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=200_000)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--only", choices=("ours", "peers"))
    asked = options.parse_args()
    record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    record |= {"machine": machine(), "date": date.today().isoformat()}
    if asked.only != "peers":
        record |= {"people": asked.people, "seeds": asked.seeds, "lpmdsl": version("lpmdsl")}
        record["mixing"] = [_kept(record, mixing_row(case, asked.people, asked.seeds)) for case in MIXING]
        record["households"] = [_kept(record, household_row(case)) for case in HOUSEHOLDS]
    if asked.only != "ours":
        record["peers"] = [_kept(record, row) for row in peer_rows()]
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    write_page(record)


def _kept(record: dict, row: dict) -> dict:
    print(json.dumps({k: v for k, v in row.items() if k != "curves"}), flush=True)
    return row


# ------------------------------------------------------------------ ours


def mixing_row(case: Mixing, people: int, seeds: int) -> dict:
    """The effect of each step on one epidemic: ours against an hour on the same draws, all else against events."""
    exact = _mean(lambda seed: daily_cases(case, people, seed), seeds)
    curves = {hours: _mean(lambda seed, s=step: ours(case, people, s, seed), seeds) for hours, step in STEPS.items()}
    at_risk = people - case.first_of(people)
    row: dict = {
        "case": case.name,
        "final_size_exact": final_size(case.beta * case.infectious, case.first_of(people) / people),
    }
    row["ours"] = {hours: apart(curve, curves[FINEST]) for hours, curve in curves.items()}
    row["ours_final_size"] = {hours: float(curve.sum() / at_risk) for hours, curve in curves.items()}
    row["an_hour_beside_events"] = apart(curves[FINEST], exact)
    if not case.is_fixed:
        whole = {h: _mean(lambda seed, h=h: whole_steps(case, people, h / 24, seed), seeds) for h in STEPS}
        row["whole_steps"] = {hours: apart(curve, exact) for hours, curve in whole.items()}
    if case in (FLU, SHORT):
        row["curves"] = {str(h): (c / people).round(7).tolist() for h, c in curves.items()}
    return row


def ours(case: Mixing, people: int, step: str, seed: int) -> Series:
    """Cases a day of one run."""
    reports = lpmdsl.load(case.text(people, step)).run(seed=seed, backend="cpu", threads=1).observations
    return reports["value"].to_numpy(np.float64)


def household_row(household: Household) -> dict:
    """Mean further cases: exactly, ours at each step, and with whole steps where the time ill is exponential."""
    row: dict = {"case": household.name, "exact": further_cases(household), "homes": HOMES}
    row["ours"] = {hours: ours_at_home(household, step) for hours, step in STEPS.items()}
    if household.sd == household.mean:
        row["whole_steps"] = {h: whole_steps_at_home(household, HOMES, h / 24, 1) for h in STEPS}
    return row


def ours_at_home(household: Household, step: str) -> float:
    """Mean further cases of one run, people from a file."""
    with tempfile.TemporaryDirectory() as folder:
        who = np.arange(HOMES * household.size)
        lines = [f"h{k // household.size},{'yes' if k % household.size == 0 else 'no'}" for k in who]
        (Path(folder) / "people.csv").write_text("home,first\n" + "\n".join(lines) + "\n", encoding="utf-8")
        model = Path(folder) / "homes.lpm"
        model.write_text(household.text(step), encoding="utf-8")
        reports = lpmdsl.load(model).run(seed=1, backend="cpu", threads=1).observations
    return float(reports["value"].iloc[-1] / HOMES - 1)


# ------------------------------------------------------------------ peers


def peer_rows() -> list[dict]:
    """Every peer at every step that it can take; an ``error`` in words where one could not be run."""
    rows = []
    for case in (FLU, SHORT):
        exact = _mean(lambda seed, c=case: daily_cases(c, 10 * PEER_PEOPLE, seed), 5) / 10
        for peer, (hours, cases) in PEERS.items():
            for step in hours if case in cases else ():
                rows.append({"peer": peer, "case": case.name, "hours": step, **_peer(peer, case, step, exact)})
                print(json.dumps({k: v for k, v in rows[-1].items() if k != "curve"}), flush=True)
    return rows


def _peer(peer: str, case: Mixing, hours: int, exact: Series) -> dict:
    words = [f"--agents={PEER_PEOPLE}", f"--days={case.days}", f"--hours={hours}", f"--beta={case.beta}"]
    words += [f"--latent={case.latent}", f"--infectious={case.infectious}", f"--first={case.first_of(PEER_PEOPLE)}"]
    words += ["--fixed"] if case.is_fixed else []
    told = []
    try:
        for seed in range(1, PEER_SEEDS + 1):
            command = [*script(peer, f"steps_{peer}.py"), *words, f"--seed={seed}"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=alone())
            told.append(json.loads(done.stdout.strip().splitlines()[-1]))
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        why = getattr(error, "stderr", None) or str(error)
        return {"error": why.strip().splitlines()[-1]}
    curves = [np.array(one["cases"], float)[: case.days] for one in told]
    mean = np.mean([np.pad(c, (0, case.days - len(c))) for c in curves], axis=0)
    spread = np.std([c.max() for c in curves], ddof=1) / np.sqrt(len(curves)) / exact.max()
    row = {"version": told[0]["version"], **apart(mean, exact), "peak_error": float(spread)}
    return row | {"curve": (mean / PEER_PEOPLE).round(7).tolist()}


# ------------------------------------------------------------------ differences


def apart(curve: Series, right: Series) -> dict[str, float]:
    """The distance of cases a day from the right ones: peak, first days and all as shares, its day in days."""
    return {
        "peak": float(curve.max() / right.max() - 1),
        "peak_day": _day(curve) - _day(right),
        "early": float(curve[:EARLY].sum() / right[:EARLY].sum() - 1),
        "all": float(curve.sum() / right.sum() - 1),
    }


def _day(curve: Series) -> float:
    """The day of the peak: that of a parabola through the days above 90 % of it, so that chance moves it little."""
    days = np.flatnonzero(curve > 0.9 * curve.max())
    if len(days) < 4:
        return float(curve.argmax())
    a, b, _ = np.polyfit(days, curve[days], 2)
    return float(-b / (2 * a))


def _mean(run: Callable[[int], Series], seeds: int) -> Series:
    return np.mean([run(seed) for seed in range(1, seeds + 1)], axis=0)


if __name__ == "__main__":
    main()
