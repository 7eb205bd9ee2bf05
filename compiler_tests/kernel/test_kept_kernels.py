"""Machine code that is kept: damaged files are made anew, a folder that is not private is not used, none is needed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from compiler_tests.support.both_backends import MODELS
from lpmdsl.source import cache_dir
from lpmdsl.writing import private

RUN = """
import sys
import numpy as np
from lpmdsl.backends.llvm.joins import clear
from lpmdsl.backends.llvm.prelude import philox
from lpmdsl.native.machine import made

ones = np.ones(5, np.int64)
clear(ones)
assert not ones.any() and philox(np.uint64(1), 2, 3, 4, 5)[0] == 496402361
print(*made.functions)
"""
MODEL = """
import sys, lpmdsl
from lpmdsl.native.machine import made

lpmdsl.load(sys.argv[1]).run(seed=1, steps=3, threads=1)
print(*made.functions)
"""


def run(folder: Path, code: str = RUN, *arguments: str, **more: str) -> list[str]:
    """The functions that were compiled and not found kept."""
    env = {**os.environ, "LPMDSL_CACHE": str(folder), **more}
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def test_damaged_files_are_made_anew(tmp_path: Path) -> None:
    """Emptied, cut short, garbled: machine code that is garbled would end the program."""
    folder = tmp_path / "cache"
    assert run(folder) == ["clear", "philox"] and run(folder) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.glob("*.o"))
    assert len(files) == 2
    for path in files:
        whole = path.read_bytes()
        half, garbled = whole[: len(whole) // 2], bytes(b ^ 85 if k % 7 == 3 else b for k, b in enumerate(whole))
        for damaged in (b"", half, garbled):
            path.write_bytes(damaged)
            assert len(run(folder)) == 1
            assert path.read_bytes() == whole, "the same code is made of the same text"
    assert run(folder) == []


def test_only_the_changed_kernel_is_compiled_again(tmp_path: Path) -> None:
    """A longer time in one state, and a line in front of it that moves all the others down."""
    folder, model = tmp_path / "cache", tmp_path / "sir.lpm"
    text = next(path for path in MODELS if path.stem == "sir_network").read_text(encoding="utf-8")
    model.write_text(text, encoding="utf-8")
    first = run(folder, MODEL, str(model))
    assert {"begin", "run_steps", "advance_Person"} <= set(first) and run(folder, MODEL, str(model)) == []
    seen = "observe ever_infected"
    assert seen in text
    more = text.replace(seen, f"# a line of words\n\nobserve at_risk = count of Person where Infection is S\n{seen}")
    model.write_text(more, encoding="utf-8")
    again = run(folder, MODEL, str(model))
    assert again and {name for name in again if "at_risk" not in name} <= {"begin", "run_steps"}


def test_a_folder_that_is_not_private_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, taken = tmp_path / "shared", tmp_path / "taken"
    shared.mkdir()
    shared.chmod(0o777)
    taken.write_text("a file")
    for chosen in (shared, taken, taken / "below"):
        found = private.private_dir(chosen)
        assert found is not None and found != chosen and stat.S_IMODE(found.stat().st_mode) == 0o700
    assert not any(shared.iterdir())
    own = tmp_path / "own"
    assert private.private_dir(own) == own
    if hasattr(os, "geteuid"):
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        foreign = tmp_path / "foreign"
        assert private.private_dir(foreign) != foreign
    codes = [(d.code, d.span.source.name) for d in private.take_told().diagnostics]
    assert ("N0871", str(shared)) in codes and ("N0871", str(own)) not in codes
    assert cache_dir() not in (shared, taken)


def test_machine_code_of_others_is_not_run(tmp_path: Path) -> None:
    """What lies in a folder that anybody may write to is neither read nor replaced."""
    folder = tmp_path / "cache"
    run(folder)
    folder.chmod(0o777)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert run(folder) == ["clear", "philox"]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_without_a_place_to_write_all_is_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "x")
    code = f"import tempfile; tempfile.tempdir = {nowhere!r}\n" + RUN
    assert run(Path(nowhere), code, HOME=nowhere) == ["clear", "philox"]
