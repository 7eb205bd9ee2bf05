"""Draw the pictures of the README and these pages by running models: ``python docs/pictures.py``."""

from __future__ import annotations

from pathlib import Path

import lpmdsl
from compiler_tests.support.browser import browser_page
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report, render_text
from lpmdsl.runtime.reports.figures import figure_of
from lpmdsl.runtime.reports.run_page import report_page
from lpmdsl.runtime.reports.svg import svg
from lpmdsl.source import Source
from lpmdsl.watching.board import Board
from lpmdsl.watching.server import PageServer

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
    watched(IMAGES / "watch.png")
    for name, left, right in (("licence", "licence", "Apache 2.0"), ("python", "Python", "3.11 or newer")):
        (IMAGES / f"{name}.svg").write_text(badge(left, right) + "\n", encoding="utf-8")


def watched(path: Path) -> None:
    """The page of ``lpmc watch`` in a browser: the town's report, and above it a slip in the next text."""
    model = lpmdsl.load(ROOT / "models" / "town_flu.lpm")
    board, report = Board(), Report()
    board.post("done", page=report_page(model.model, model.source, model.run(seed=1, replicates=10)))
    slip = model.source.text.replace("on homes, classes", "on homes, class")
    assert slip != model.source.text
    check_source(Source("town_flu.lpm", slip), report)
    board.post("wrong", tuple(render_text(d) for d in report.sorted()))
    server = PageServer(board)
    server.start()
    with browser_page((1000, 760)) as page:
        page.open(server.address)
        page.until("document.getElementById('told').textContent && document.title === 'town flu'")
        page.picture(path)


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
