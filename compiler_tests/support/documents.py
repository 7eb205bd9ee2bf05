"""Reads the fenced blocks of the documentation, so that the tests can hold it to its word."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its further marks (``broken``, ``fragment``, ``fails``), its title, its text."""

    language: str
    marks: frozenset[str]
    title: str
    text: str
    where: str


def blocks(path: Path) -> list[Block]:
    """Every fenced block of a Markdown file, in order; a block is named by its file and line."""
    page = path.read_text(encoding="utf-8")
    return [_block(match, path, page) for match in _FENCE.finditer(page)]


def _block(match: re.Match[str], path: Path, page: str) -> Block:
    """Reads both ways to head a block: ``lpm title="x"`` and ``{.lpm .broken title="x"}``."""
    info = match["info"].strip().strip("{}")
    title = re.search(r'title="([^"]*)"', info)
    words = [word.removeprefix(".") for word in re.sub(r'title="[^"]*"', "", info).split()]
    line = page.count("\n", 0, match.start()) + 1
    where = f"{path.relative_to(ROOT).as_posix()}:{line}"
    return Block(words[0] if words else "", frozenset(words[1:]), title[1] if title else "", match["text"], where)


def all_blocks(language: str) -> list[Block]:
    """The blocks of one language in the README and the documentation; error pages have tests of their own."""
    docs = ROOT / "docs"
    pages = [ROOT / "README.md", *sorted(docs.glob("*.md")), *sorted((docs / "language").glob("*.md"))]
    return [block for page in pages for block in blocks(page) if block.language == language]


def lpmc(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs the installed command in ``folder``, as a reader would."""
    program = shutil.which("lpmc", path=str(Path(sys.executable).parent)) or "lpmc"
    return subprocess.run(
        [program, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )


def problems(files: list[Path]) -> dict[str, list[str]]:
    """Errors and warnings of ``lpmc check`` by file name (notes are no problem), all files in one call."""
    result = lpmc("check", "--format", "json", *files)
    assert "Traceback" not in result.stderr, result.stderr
    found: dict[str, list[str]] = {file.name: [] for file in files}
    for line in result.stdout.splitlines():
        d = json.loads(line)
        if d["severity"] != "note":
            found.setdefault(Path(d["file"]).name, []).append(f"{d['line']}:{d['column']} {d['code']} {d['message']}")
    return found
