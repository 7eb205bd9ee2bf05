"""Options and output of a peer of ``benchmarks.steps``: cases a day at steps of so many hours, one line of JSON."""

from __future__ import annotations

import argparse
import json


def asked() -> argparse.Namespace:
    """``--agents``, ``--days``, ``--hours`` of a step, ``--seed``, and the epidemic."""
    options = argparse.ArgumentParser()
    for name, kind in (("agents", int), ("days", int), ("hours", int), ("seed", int), ("first", int)):
        options.add_argument(f"--{name}", type=kind, required=True)
    for name in ("beta", "latent", "infectious"):
        options.add_argument(f"--{name}", type=float, required=True)
    options.add_argument("--fixed", action="store_true")
    return options.parse_args()


def tell(per_step, hours: int, version: str) -> None:
    """Print the cases of every day, added up from those of every step after the start."""
    import numpy as np

    steps = 24 // hours
    cases = np.asarray(per_step, float)
    cases = cases[: len(cases) // steps * steps].reshape(-1, steps).sum(axis=1)
    print(json.dumps({"cases": [round(float(c)) for c in cases], "version": version}))
