"""Sentences that people write: each works, or stays an error whose help says what to write instead."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError

FOLDER = Path(__file__).parent.parent / "sentences"
BASE = (FOLDER / "base.lpm").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, or several parted by ``; ``, the model that has it, and what must come of it; ``files`` stand
    beside the model, ``workbooks`` too, whose cells are given with commas."""

    says: str
    text: str
    help: str
    files: dict[str, str]
    workbooks: dict[str, str]


def sentences() -> Iterator[Sentence]:
    """All sentences of the tables in ``sentences/``, each in the base model."""
    for path in sorted(FOLDER.glob("*.toml")):
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["sentence"]:
            text = BASE
            if "replaces" in row:
                assert row["replaces"] in BASE, f"{path.name}: base.lpm has no {row['replaces']!r}"
                text = text.replace(row["replaces"], row["with"])
            yield Sentence(row["says"], text + row.get("adds", ""), row.get("help", ""), row.get("files", {}),
                           row.get("workbooks", {}))  # fmt: skip


ALL = list(sentences())
WANTED = (FOLDER / "wanted.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", WANTED)
def test_every_sentence_that_is_wanted_is_tried(line: str) -> None:
    assert line in {part for sentence in ALL for part in sentence.says.split("; ")}


@pytest.mark.parametrize("sentence", ALL, ids=lambda s: s.says)
def test_a_sentence_works_or_says_what_to_write(sentence: Sentence, tmp_path: Path) -> None:
    path = tmp_path / "s.lpm"
    path.write_text(sentence.text, encoding="utf-8")
    for name, content in sentence.files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    for name, content in sentence.workbooks.items():
        book = openpyxl.Workbook()
        for row in csv.reader(io.StringIO(content)):
            book.worksheets[0].append([float(c) if c[0].isdigit() else c for c in row])
        book.save(tmp_path / name)
    if sentence.help:
        with pytest.raises(LpmError) as caught:
            lpmdsl.load(path)
        told = [f"{d.message} {d.help}" for d in caught.value.report.sorted()]
        assert any(sentence.help in line for line in told), told
    else:
        results = lpmdsl.load(path).run(
            agents={"Person": 300} if "Person from" not in sentence.text else {}, backend="reference"
        )
        assert results.manifest.complete
