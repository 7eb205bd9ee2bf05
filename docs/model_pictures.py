"""Draw a picture for each page of ``docs/models`` by running its model: ``python docs/model_pictures.py [NAME …]``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import lpmdsl
from lpmdsl.runtime.reports.figures import figure_of
from lpmdsl.runtime.reports.svg import svg

ROOT = Path(__file__).parent.parent
IMAGES = Path(__file__).parent / "images"
LARGEST = 60_000
"""Bytes of a picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One observation of a model, in some scenarios and replicates; ``settings``: parameters other than its own."""

    observation: str
    scenarios: tuple[str, ...] = ("baseline",)
    replicates: int = 20
    settings: dict[str, str] = field(default_factory=dict)


PICTURES = {
    "anchor_clusters": Picture("keeping_apart", replicates=1),
    "calibnn": Picture("positives"),
    "cloned_network": Picture("shared", replicates=10),
    "degroot": Picture("spread", replicates=10, settings={"stubborn_share": "5 %"}),
    "dose_schedule": Picture("protected", replicates=5),
    "fast_test": Picture("infections", ("baseline", "laboratory")),
    "gradabm_sir": Picture("infections", ("baseline", "no_measures"), 5),
    "guess_average": Picture("target", ("baseline", "by_the_book"), 1),
    "molt_cascade": Picture("reached", ("baseline", "no_habit"), 5),
    "moran": Picture("mutants", replicates=100),
    "opinion": Picture("spread", ("baseline", "narrow", "open"), 10),
    "school_closures": Picture("cases", ("schools", "everywhere", "open"), 5),
    "test_trace_isolate": Picture("infections", ("baseline", "households_alone", "isolation_alone"), 5),
    "tracing": Picture("infections", ("baseline", "nobody_traced"), 5),
    "vaccine_delay": Picture("deaths", ("baseline", "late_second")),
    "waning_seasons": Picture("infectious", replicates=10),
    "zombies": Picture("alive", ("baseline", "well_armed"), 50),
}


def main() -> None:
    """All of them, or those that are named, seed 1."""
    for name in sys.argv[1:] or PICTURES:
        one = PICTURES[name]
        model = lpmdsl.load(ROOT / "models" / f"{name}.lpm")
        results = model.run(
            seed=1, replicates=one.replicates, scenario=list(one.scenarios), parameters=dict(one.settings)
        )
        figure = figure_of(results, one.observation)
        assert figure is not None, f"{name} reports nothing of {one.observation}"
        text = svg(figure) + "\n"
        assert len(text) < LARGEST, f"{name}: {len(text)} bytes"
        (IMAGES / f"model_{name}.svg").write_text(text, encoding="utf-8")
        print(f"{name}: {len(text)} bytes")


if __name__ == "__main__":
    main()
