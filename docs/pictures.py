"""Draw the pictures of the README and these pages by running models: ``python docs/pictures.py``."""

from __future__ import annotations

from pathlib import Path

import lpmdsl
from lpmdsl.runtime.reports.figures import figure_of
from lpmdsl.runtime.reports.svg import svg

ROOT = Path(__file__).parent.parent
IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """The town with and without its campaign, and measles in households, ten replicates each, seed 1."""
    IMAGES.mkdir(exist_ok=True)
    for name, observation, scenarios in (
        ("town_flu", "reported", ["baseline", "no_campaign"]),
        ("measles_households", None, ["baseline"]),
    ):
        model = lpmdsl.load(ROOT / "models" / f"{name}.lpm")
        results = model.run(seed=1, replicates=10, scenario=scenarios)
        figure = figure_of(results, observation or next(iter(results.manifest.observations)))
        assert figure is not None
        (IMAGES / f"{name}.svg").write_text(svg(figure) + "\n", encoding="utf-8")
    for name, left, right in (("licence", "licence", "Apache 2.0"), ("python", "Python", "3.11 or newer")):
        (IMAGES / f"{name}.svg").write_text(badge(left, right) + "\n", encoding="utf-8")


def badge(left: str, right: str) -> str:
    """Two words beside each other, the second on a colour."""
    first, second = 12 + 6.4 * len(left), 12 + 6.4 * len(right)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second:.0f}" height="20" role="img" '
        f'aria-label="{left}: {right}"><rect width="{first + second:.0f}" height="20" rx="3" fill="#0b62a8"/>'
        f'<rect width="{first:.0f}" height="20" rx="3" fill="#4a5563"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="6" y="14">{left}</text><text x="{first + 6:.0f}" y="14">{right}</text></g></svg>'
    )


if __name__ == "__main__":
    main()
