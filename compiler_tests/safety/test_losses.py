"""Nothing of the user's is lost: a failure at every write, files of others, links and devices, two runs at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from compiler_tests.example_models.small_models import OUTBREAK
from compiler_tests.support.broken_disks import at_every_write
from lpmdsl.backends.request import Progress, RunRequest, RunResult
from lpmdsl.cli import app
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime import api
from lpmdsl.runtime.api import LoadedModel, execute, load
from lpmdsl.runtime.behaviours.ledger import Entry, Ledger, open_ledger
from lpmdsl.runtime.engine import simulate
from lpmdsl.runtime.engine.engines import OneByOne
from lpmdsl.runtime.outputs import open_run
from lpmdsl.runtime.results import Results, read_results
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source
from lpmdsl.writing.folders import UNFINISHED
from lpmdsl.writing.locks import LOCK_NAME
from lpmdsl.writing.seals import digest_of, is_unchanged_page, listed

SMALL = {"agents": {"Pupil": 20}, "steps": 3, "backend": "reference"}
ENDS = pytest.mark.parametrize("is_end", [False, True], ids=["no space", "killed"])


@pytest.fixture
def model() -> LoadedModel:
    return load(OUTBREAK)


def code_of(command: Callable[[], object]) -> str:
    """The code that a command is refused with."""
    with pytest.raises(LpmError) as told:
        command()
    return told.value.report.diagnostics[0].code


def is_whole(folder: Path, listing: str = "manifest.json") -> bool:
    """Whether the list is ours and every file is what it says."""
    files = listed(folder / listing)
    return bool(files) and all(digest_of(folder / name) == digest for name, digest in files.items())


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# ------------------------------------------------------------------ a failure at every write


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed is computed once; all that is written is written anew each time."""
    pages: dict[int, str] = {}
    runs: dict[tuple, RunResult] = {}
    draw, start = simulate.report_page, api.engine_for

    def page(model: Model, source: Source, results: Results) -> str:
        if results.manifest.seed not in pages:
            pages[results.manifest.seed] = draw(model, source, results)
        return pages[results.manifest.seed]

    def engine(*given: Any) -> OneByOne:
        real = start(*given)

        def run(r: RunRequest, progress: Progress | None) -> RunResult:
            key = (r.seed, r.replicate, tuple(r.parameters.values()), r.disabled)
            if key not in runs:
                runs[key] = real.run([r], progress)[0]
            return runs[key]

        return OneByOne(real.name, real.threads, run)

    monkeypatch.setattr(simulate, "report_page", page)
    monkeypatch.setattr(api, "engine_for", engine)


@ENDS
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("compares", [False, True], ids=["run", "compare"])
def test_a_run_that_fails_at_any_write_leaves_the_old_or_the_new(
    is_end: bool, compares: bool, model: LoadedModel, tmp_path: Path
) -> None:
    folder, kept = tmp_path / "out", tmp_path / "kept"
    run = (lambda seed: model.compare(seed=seed, replicates=1, out=folder, **SMALL)) if compares else (
        lambda seed: model.run(seed=seed, out=folder, **SMALL))  # fmt: skip
    old = run(1).observations
    (folder / "notes.txt").write_text("mine")
    shutil.copytree(folder, kept)
    new = run(2).observations
    assert not old.equals(new)

    def prepare() -> None:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)

    def look() -> None:
        read = read_results(folder)
        assert read.manifest.complete and is_whole(folder)
        expected = {1: old, 2: new}[read.manifest.seed]
        pd.testing.assert_frame_equal(read.observations, expected, check_dtype=False)
        assert len(pd.read_parquet(folder / "observations.parquet")) == len(expected)
        assert (folder / "notes.txt").read_text() == "mine"
        assert read.comparison.empty is not compares
        open_run(folder).__exit__(None, None, None)

    failed = at_every_write(is_end, prepare, lambda: run(2), look, (LpmError,))
    assert failed > 20 and read_results(folder).manifest.seed == 2


@ENDS
@pytest.mark.usefixtures("quick")
def test_a_first_run_that_fails_leaves_what_can_be_read_and_run_again(
    is_end: bool, model: LoadedModel, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    rows = len(model.run(seed=1, **SMALL).observations)

    def look() -> None:
        if any((folder / at / "manifest.json").is_file() for at in (".", UNFINISHED)):
            try:
                read = read_results(folder)
            except LpmError as error:  # the program ended before it had written the table's header
                assert is_end and "E0824" in str(error)
            else:
                assert len(read.observations) in (0, rows) or is_end
                assert read.manifest.complete or read.folder == folder / UNFINISHED
        open_run(folder).__exit__(None, None, None)

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    at_every_write(is_end, prepare, lambda: model.run(seed=1, out=folder, **SMALL), look, (LpmError,))
    assert is_whole(folder) and not (folder / UNFINISHED).exists() and not (folder / LOCK_NAME).exists()


@ENDS
def test_a_page_that_fails_at_any_write_is_the_old_or_the_new(is_end: bool, tmp_path: Path) -> None:
    (tmp_path / "m.lpm").write_text(OUTBREAK, encoding="utf-8")
    page, kept = tmp_path / "m.html", tmp_path / "kept.html"
    words = ["doc", str(tmp_path / "m.lpm"), "--out", str(page)]

    def command(*more: str) -> None:
        found = CliRunner().invoke(app, [*words, *more])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception

    command()
    shutil.copy(page, kept)
    command("--set", "illness=9 days")
    old, new = kept.read_bytes(), page.read_bytes()
    assert old != new

    def look() -> None:
        assert page.read_bytes() in (old, new) and is_unchanged_page(page)

    def prepare() -> None:
        shutil.copy(kept, page)

    assert at_every_write(is_end, prepare, lambda: command("--set", "illness=9 days"), look, (LpmError,)) >= 4
    assert page.read_bytes() == new
    assert is_end or not [p for p in tmp_path.iterdir() if p.suffix == ".part"]


# ------------------------------------------------------------------ files of others


def test_what_is_not_ours_stays_unless_forced(model: LoadedModel, tmp_path: Path) -> None:
    """A stranger's manifest, a report beside a run, a table that was edited since, a list that was edited."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"name": "my site", "files": {"report.html": "x"}}')
    (folder / "report.html").write_text("my report")
    before = everything(folder)
    assert code_of(lambda: model.run(out=folder, **SMALL)) == "E0865" and everything(folder) == before
    said: list[str] = []
    forced(model, folder, said)
    assert len(said) == 2 and all(str(folder) in line for line in said) and is_whole(folder)
    for name in ("observations.csv", "report.html", "manifest.json", "observations.parquet"):
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        before = everything(folder)
        assert code_of(lambda: model.run(out=folder, **SMALL)) == "E0865" and everything(folder) == before, name
        forced(model, folder, said)
        assert is_whole(folder)
    (folder / "comparison.csv").write_text("mine,too\n")
    assert code_of(lambda: model.run(out=folder, **SMALL)) == "E0865"
    assert (folder / "comparison.csv").read_text() == "mine,too\n"


def forced(model: LoadedModel, folder: Path, said: list[str]) -> Results:
    options = RunOptions(agents={"Pupil": 20}, steps=3, backend="reference")
    return execute(model, options, folder, show_progress=False, force=True, say=said.append)


def test_a_run_of_before_is_not_taken_for_unchanged(model: LoadedModel, tmp_path: Path) -> None:
    """A manifest without digests says nothing of the files beside it."""
    written = model.run(out=tmp_path / "out", **SMALL)
    record = json.loads((tmp_path / "out" / "manifest.json").read_text())
    del record["files"], record["seal"]
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(record))
    assert code_of(lambda: model.run(out=tmp_path / "out", **SMALL)) == "E0865"
    assert len(read_results(tmp_path / "out").observations) == len(written.observations)


def test_what_changes_during_a_run_is_left_and_the_new_results_are_beside(
    model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    model.run(seed=1, out=folder, **SMALL)
    inner = api.Simulation.results

    def edited(simulation: api.Simulation) -> Results:
        (folder / "report.html").write_text("edited meanwhile")
        return inner(simulation)

    monkeypatch.setattr(api.Simulation, "results", edited)
    assert code_of(lambda: model.run(seed=2, out=folder, **SMALL)) == "E0865"
    assert (folder / "report.html").read_text() == "edited meanwhile"
    assert read_results(folder).manifest.seed == 1 and is_whole(folder / UNFINISHED)


def test_a_stopped_run_replaces_nothing(model: LoadedModel, tmp_path: Path) -> None:
    from lpmdsl.runtime.engine.simulate import Stop

    folder = tmp_path / "out"
    model.run(seed=1, out=folder, **SMALL)
    options = RunOptions(seed=2, agents={"Pupil": 20}, steps=3, backend="reference")
    stopped = execute(model, options, folder, show_progress=False, stop=Stop(asked=True))
    assert stopped.folder == folder / UNFINISHED and not stopped.manifest.complete
    assert read_results(folder).manifest.seed == 1 and is_whole(folder)
    assert read_results(folder / UNFINISHED).manifest.seed == 2
    model.run(seed=3, out=folder, **SMALL)
    assert read_results(folder).manifest.seed == 3 and not (folder / UNFINISHED).exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "device"])
def test_only_plain_files_are_written(kind: str, model: LoadedModel, tmp_path: Path) -> None:
    folder, outside = tmp_path / "out", tmp_path / "outside.html"
    model.run(out=folder, **SMALL)
    outside.write_text("mine")
    (folder / "report.html").unlink()
    match kind:
        case "link" | "device":
            (folder / "report.html").symlink_to(outside if kind == "link" else "/dev/null")
        case "pipe":
            os.mkfifo(folder / "report.html")
        case "folder":
            (folder / "report.html").mkdir()
    options = RunOptions(agents={"Pupil": 20}, steps=3, backend="reference")
    assert code_of(lambda: execute(model, options, folder, show_progress=False, force=True)) == "E0866"
    assert outside.read_text() == "mine"
    (tmp_path / "m.lpm").write_text(OUTBREAK, encoding="utf-8")
    found = CliRunner().invoke(app, ["doc", str(tmp_path / "m.lpm"), "--force", "--out", str(folder / "report.html")])
    assert isinstance(found.exception, LpmError) and "E0866" in str(found.exception)


def test_pages_never_replace_the_model_or_what_is_not_theirs(tmp_path: Path) -> None:
    text, mine = tmp_path / "m.lpm", tmp_path / "mine.html"
    text.write_text(OUTBREAK, encoding="utf-8")
    mine.write_text("<p>mine</p>")

    def doc(*more: str) -> str:
        found = CliRunner().invoke(app, ["doc", str(text), *more])
        return str(found.exception or "") + found.output

    assert "E0867" in doc("--out", str(text), "--force") and text.read_text(encoding="utf-8") == OUTBREAK
    linked = tmp_path / "linked.lpm"
    os.link(text, linked)
    assert "E0867" in doc("--out", str(linked), "--force")
    assert "E0865" in doc("--out", str(mine)) and mine.read_text() == "<p>mine</p>"
    assert "--force" in doc("--out", str(mine), "--force") and is_unchanged_page(mine)
    assert "E0865" not in doc("--out", str(mine)), "a page of ours is replaced"
    mine.write_text(mine.read_text(encoding="utf-8").replace("Spots", "Measles"), encoding="utf-8")
    assert "E0865" in doc("--out", str(mine)), "one that was edited is not"


def test_a_model_that_is_a_link_is_not_formatted_into_a_file(tmp_path: Path) -> None:
    real, link = tmp_path / "real.lpm", tmp_path / "link.lpm"
    real.write_text(OUTBREAK.replace("  step 1 day", "    step   1 day"), encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    found = CliRunner().invoke(app, ["fmt", str(link)])
    assert isinstance(found.exception, LpmError) and "E0866" in str(found.exception) and link.is_symlink()
    assert CliRunner().invoke(app, ["fmt", str(real)]).exit_code == 0
    assert "\n  step 1 day\n" in real.read_text(encoding="utf-8") and real.stat().st_mode & 0o777 == 0o640


def test_names_that_are_too_long_are_told(model: LoadedModel, tmp_path: Path) -> None:
    assert code_of(lambda: model.run(out=tmp_path / ("a" * 300), **SMALL)) == "E0808"
    assert code_of(lambda: model.run(out=tmp_path / "/".join(["a" * 200] * 30), **SMALL)) == "E0808"
    longest = tmp_path / ("a" * 255)
    assert model.run(out=longest, **SMALL).manifest.complete
    (tmp_path / "m.lpm").write_text(OUTBREAK, encoding="utf-8")
    found = CliRunner().invoke(app, ["doc", str(tmp_path / "m.lpm"), "--out", str(tmp_path / ("p" * 250 + ".html"))])
    assert found.exit_code == 0, "as long as a name may be"


# ------------------------------------------------------------------ two at once


def test_the_second_run_into_a_folder_is_told(model: LoadedModel, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with open_run(folder):
        assert code_of(lambda: model.run(out=folder, **SMALL)) == "E0868"
    (folder).mkdir(exist_ok=True)
    (folder / LOCK_NAME).write_text("left behind by a program that was killed")
    assert model.run(out=folder, **SMALL).manifest.complete
    assert not (folder / LOCK_NAME).exists()


def test_results_are_the_same_in_memory_and_written(model: LoadedModel, tmp_path: Path) -> None:
    written = model.run(out=tmp_path / "out", **SMALL)
    assert replace(read_results(tmp_path / "out"), table=written.table).manifest == written.manifest
    assert written.folder == tmp_path / "out"


# ------------------------------------------------------------------ a disk that SQLite finds full


def _keep(ledger: Ledger, count: int) -> None:
    rows = range(count)
    ledger.keep([(f"{k:064}", "policy", "x" * 2_000) for k in rows], [Entry(f"{k:064}", 0, "{}") for k in rows])


def test_a_full_disk_under_a_ledger_is_told_as_such(tmp_path: Path) -> None:
    """As any output that cannot be written (E0808), and what was kept before is kept."""
    ledger = open_ledger(tmp_path / "l.sqlite")
    _keep(ledger, 3)
    with ledger._using() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LpmError) as told:
        _keep(ledger, 400)
    (found,) = told.value.report.diagnostics
    assert (found.code, found.message) == ("E0808", "This cannot be written: No space left on device.")
    assert "l.sqlite" in str(told.value) and "--ledger" in found.help
    assert ledger.summary()["requests"] == 3
    ledger.close()


@pytest.mark.skipif(os.name != "posix", reason="limits of a file's size are POSIX's")
def test_a_ledger_that_may_not_grow_is_told_as_such(tmp_path: Path) -> None:
    """The operating system itself refuses: here a limit of a file's size."""
    import resource

    path = tmp_path / "l.sqlite"
    ledger = open_ledger(path)
    _keep(ledger, 3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        assert code_of(lambda: _keep(ledger, 400)) == "E0808"
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        assert code_of(lambda: open_ledger(tmp_path / "new.sqlite")) == "E0808"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ledger.summary()["requests"] == 3
    ledger.close()
