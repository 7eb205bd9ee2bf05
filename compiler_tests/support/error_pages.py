"""The pages in ``docs/errors``: their bad and good models, the files these need, and what the tool says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Diagnostic, Report, render_text
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.theory.promised import check_r0

PAGES = Path(__file__).parent.parent.parent / "docs" / "errors"
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"(^```\{\.lpm \.bad\}\n.*?^```\n\n```text\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """One error page; ``bad`` is empty where no text can show the mistake."""

    code: str
    title: str
    bad: str
    shown: str
    good: str
    files: tuple[tuple[str, str], ...]


def read_page(path: Path) -> Page:
    """The blocks of a page: ``.bad``, the ``text`` that follows it, ``.good``, and files by their titles."""
    page = path.read_text(encoding="utf-8")
    found = {match["info"].strip(): match["text"] for match in _FENCE.finditer(page)}
    files = [(name[1], text) for info, text in found.items() if (name := re.search(r'title="([^"]+)"', info))]
    shown = _SHOWN.search(page)
    return Page(
        path.stem, page.split("\n", 1)[0], found.get("{.lpm .bad}", ""), shown[2] if shown else "",
        found.get("{.lpm .good}", ""), tuple(files),
    )  # fmt: skip


def all_pages() -> list[Page]:
    return [read_page(path) for path in sorted(PAGES.glob("[EWN]*.md"))]


def diagnose(text: str, page: Page, folder: Path) -> list[Diagnostic]:
    """What checking ``text`` as ``example.lpm`` reports, with the page's files beside it."""
    for name, content in page.files:
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / "example.lpm"
    path.write_text(text, encoding="utf-8")
    report = Report()
    checked = check_source(Source("example.lpm", text, path), report)
    if checked is not None:
        check_r0(checked[0], parameter_values(checked[0]), report)
    return report.sorted()


def rendered(page: Page, folder: Path) -> str:
    """The first diagnostic of the page's code for its bad model, as the terminal shows it; "" if there is none."""
    return next((render_text(d) + "\n" for d in diagnose(page.bad, page, folder) if d.code == page.code), "")


def with_shown(text: str, shown: str) -> str:
    """The page with its text block replaced."""
    return _SHOWN.sub(lambda match: match[1] + shown + match[3], text, count=1)
