"""Nothing that a stranger wrote reaches a terminal but as letters."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lpmdsl
from compiler_tests.example_models.small_models import OUTBREAK
from lpmdsl import terminal

PACKAGE = Path(lpmdsl.__file__).parent
NASTY = "\x1b[31m\x1b]52;c;ZXZpbA==\x07\x9b2J\r\b\u202e\u2028[/x][red]{x}:skull:%s"
LABELS = '"[/x]" 40 %, "[red]" 40 %, ":skull: é" 20 %'
LABELLED = OUTBREAK.replace(
    "  older yes/no = no", f"  older yes/no = no\n  side category ~ categorical({LABELS})"
).replace("scenario un", "observe sick = share of Pupil where Spots is I by side\n\nscenario un", 1)


def calls_of(path: Path) -> list[str]:
    """What prints in a file: ``print``, ``Console``, ``echo``, and writing to a stream of the program."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="print" | "Console" | "Progress" as name)):
                found.append(name)
            case ast.Call(func=ast.Attribute(attr="Console" | "Progress" | "echo" | "secho" | "print_exc" as name)):
                found.append(name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr")):
                found.append("sys.std…")
            case _:
                pass
    return found


def test_one_file_prints() -> None:
    printing = {p.relative_to(PACKAGE).as_posix(): calls_of(p) for p in PACKAGE.rglob("*.py")}
    assert {name for name, calls in printing.items() if calls} == {"terminal.py"}


def test_the_printer_shows_what_would_act() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    terminal._write(stream, terminal.terminal(f"é{NASTY}\n"))
    stream.flush()
    shown = stream.buffer.getvalue()  # type: ignore[attr-defined]
    assert shown.count(b"\n") == 1 and shown.endswith(b"\n")
    assert all(32 <= byte < 127 for byte in shown[:-1])
    assert b"[/x][red]{x}:skull:%s" in shown


def test_tables_take_nothing_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    word = "\x1b[1m[/x][red]:skull:"
    table = terminal.table(("a", word), (word,), title=word)
    terminal.row(table, word, "[/]")
    terminal.show(table)
    shown = capsys.readouterr().out
    assert shown.count("\\x1b[1m[/x][red]:skull:") == 3
    assert all(c.isprintable() or c == "\n" for c in shown)


def lpmc(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    given = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    return subprocess.run([sys.executable, "-m", "lpmdsl.cli", *words], cwd=cwd, env=given, capture_output=True)


def test_a_run_on_a_terminal_of_ascii(tmp_path: Path) -> None:
    (tmp_path / "town.lpm").write_text(LABELLED, encoding="utf-8")
    ran = lpmc("run", "town.lpm", "--backend", "reference", "--steps", "5", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.isascii() and b"[/x]" in ran.stdout and b"[red]" in ran.stdout and b":skull: \\xe9" in ran.stdout


TYPED = [
    ("check", "a\x1b[31m\n.lpm"), ("check", "n" * 300), ("run", "--no\x1bsuch"), ("explain", "E\x9b9"),
    ("run", "x.lpm", "--set", "\x1b]0;\x07"), ("fmt", "\udcff.lpm"),
]  # fmt: skip


@pytest.mark.parametrize("words", TYPED, ids=lambda words: words[0])
def test_what_is_typed_comes_back_as_letters(words: tuple[str, ...], tmp_path: Path) -> None:
    told = lpmc(*words, cwd=tmp_path, LC_ALL="C")
    shown = (told.stdout + told.stderr).decode()
    assert told.returncode in (1, 2) and shown
    assert "E0899" not in shown and "Traceback" not in shown
    assert all(c.isprintable() or c == "\n" for c in shown)
