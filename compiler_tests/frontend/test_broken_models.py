"""Models with one mistake each: the right code at the right place, that error and no other.

The first line of a file in ``broken/`` says what is expected: ``# expect E0203 12:9`` (code, line, column).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.source import Source

BROKEN = sorted((Path(__file__).parent.parent / "broken").glob("*.lpm"))


def errors_of(path: Path) -> list[str]:
    """``E0203 12:9`` for every error of a file."""
    report = Report()
    check_source(Source(path.name, path.read_text(encoding="utf-8"), path), report)
    return [f"{d.code} {d.span.line}:{d.span.column}" for d in report.sorted() if d.severity == "error"]


def test_there_are_many() -> None:
    assert len(BROKEN) >= 60


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_one_mistake_gives_one_error_in_its_place(path: Path) -> None:
    expected = path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# expect ")
    assert errors_of(path) == [expected]
