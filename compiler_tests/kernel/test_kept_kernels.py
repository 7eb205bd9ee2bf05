"""Kernels that are kept: damaged ones are made anew, a folder that is not private is not used, none is needed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lpmdsl.source import cache_dir
from lpmdsl.writing import private

TEXT = """
from numba import njit

kernel = njit(cache=True, nogil=True)


@kernel
def doubled(x):
    return 2 * x


@kernel
def more(x):
    return doubled(x) + 1
"""
RUN = """
import sys
from lpmdsl.runtime.engine.build import build_text

module = build_text(sys.stdin.read(), "m" * int(sys.argv[1]), (), "1")
assert module.more(20) == 41
hits = [len(f.stats.cache_hits) for f in (module.more,)]
print(*hits)
"""


def run(folder: Path, letters: int = 8, **more: str) -> tuple[int, str]:
    """How many functions came from what was kept, and what was said on the error stream."""
    env = {**os.environ, "LPMDSL_CACHE": str(folder), **more}
    ended = subprocess.run(
        [sys.executable, "-c", RUN, str(letters)], input=TEXT, capture_output=True, text=True, env=env
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.split()[-1]), ended.stderr


def test_damaged_kernels_are_made_anew(tmp_path: Path) -> None:
    """Each kind of file is emptied, cut short, garbled; machine code that is garbled would end the program."""
    folder = tmp_path / "cache"
    assert run(folder)[0] == 0 and run(folder)[0] == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {p.suffix: p for p in sorted(folder.rglob("*")) if (p.is_file() and "more" in p.name) or p.suffix == ".py"}
    assert set(files) == {".py", ".nbi", ".nbc"}
    for suffix, path in files.items():
        whole = path.read_bytes()
        half, garbled = whole[: len(whole) // 2], bytes(b ^ 85 if k % 7 == 3 else b for k, b in enumerate(whole))
        for damaged in (b"", half, garbled) if suffix == ".nbc" else (b"", garbled):
            path.write_bytes(damaged)
            assert run(folder)[0] == 0 or suffix == ".py", "nothing that is damaged is used"
            assert path.read_bytes() != damaged
    assert run(folder)[0] == 1


def test_names_of_any_length(tmp_path: Path) -> None:
    assert run(tmp_path / "cache", letters=3000)[0] == 0


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


def test_without_a_place_to_write_all_is_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "x")
    code = f"import tempfile; tempfile.tempdir = {nowhere!r}\n" + RUN.replace(
        "print(*hits)", "print(module.__file__, 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "8"], input=TEXT, capture_output=True, text=True,
        env={**os.environ, "LPMDSL_CACHE": nowhere, "HOME": nowhere},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("<lpm_"), ended.stdout
