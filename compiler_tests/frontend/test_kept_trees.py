"""Trees of declarations that are kept by their text: the same module, spans and reports as if nothing were kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpmdsl.diagnostics import Report, render_text
from lpmdsl.semantics.passes import passes
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.source import Source
from lpmdsl.syntax import parse as reader, tree

MODELS = sorted((Path(__file__).parent.parent.parent / "models").glob("*.lpm"))


def _module(source: Source) -> tuple[tree.Module, list[str]]:
    report = Report()
    return reader.parse(source, report), [render_text(d) for d in report.sorted()]


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_a_kept_declaration_reads_the_same_further_down(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header, rest = text.split("\n\n", 1)
    moved = Source(path.name, f"{header}\n\n## Written above.\nparameter above_all = 1\n\n{rest}", path)
    reader._KEPT.clear()
    afresh = _module(moved)
    reader._KEPT.clear()
    _module(Source(path.name, text, path))
    before = len(reader._KEPT)
    assert _module(moved) == afresh
    assert len(reader._KEPT) == before + 2, "the header is followed by other blanks, and one declaration is new"


def test_a_broken_declaration_is_explained_each_time() -> None:
    text = "model m version 1.0\nclock\n  step 1 day\n  for 3 days\nparameter a = = 2\nparameter b = 3\n"
    first, second = _module(Source("m.lpm", text)), _module(Source("m.lpm", "\n\n" + text))
    assert "m.lpm:5:15" in first[1][0] and "m.lpm:7:15" in second[1][0]


def test_as_many_trees_are_kept_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    reader._KEPT.clear()
    monkeypatch.setattr(reader, "MOST_KEPT", 3)
    monkeypatch.setattr(reader, "LONGEST_KEPT", 30)
    lines = [f"parameter a{i} = {i}\n" for i in range(9)] + ["parameter long_name_of_a_parameter = 12\n"]
    _module(Source("m.lpm", "model m version 1.0\n" + "".join(lines)))
    assert list(reader._KEPT) == [f"parameter a{i} = {i}\n\n" for i in (6, 7, 8)]


def test_values_of_scenarios_are_checked_with_the_names_at_hand() -> None:
    """A negative rate in a scenario is reported whether the text was read once or again."""
    text = (Path(__file__).parent.parent.parent / "models" / "town_flu.lpm").read_text(encoding="utf-8")
    text = text.replace("change vaccine_effect to 90 %", "change vaccine_effect to 190 %")
    report = Report()
    passes(Source("town_flu.lpm", text), report, Library())
    assert [(d.code, len(d.labels) > 0) for d in report.sorted() if d.severity == "error"], "190 % is no share"
