"""The door through which files are opened: which a model may read, that they are plain, and what is never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import lpmdsl
from lpmdsl.cli import app
from lpmdsl.diagnostics import LpmError
from lpmdsl.reading import door
from lpmdsl.reading.door import Place, read_file
from lpmdsl.reading.problem import Problem

SECRET = "ANTHROPIC_API_KEY=sk-secret"
MODEL = """\
model rd version 1.0
clock
  step 1 day
  for 5 days
table weights by g of number from "w.csv" column w
agent Person from "people.csv"
  g category one of a, b
network town joins Person at random
network tied joins Person from "ties.csv" with 1 contact per day
condition Infection of Person
  states S, I
  start S except 1 Person in I
  from S by contagion to I
contagion of Infection
  from I on town at 0.2 per day
  from I on tied at 0.2 per contact * weights[g]
observe ill = number entering I per day
"""
FILES = {"w.csv": "g,w\na,1\nb,2\n", "people.csv": "g\na\na\nb\nb\n", "ties.csv": "source,target\n0,1\n2,3\n"}


def folders(tmp_path: Path) -> Path:
    """``tmp_path/model`` with all that the model names, ``tmp_path/secret`` beside it."""
    (tmp_path / "model").mkdir()
    (tmp_path / "secret").mkdir()
    for name, text in FILES.items():
        (tmp_path / "model" / name).write_text(text, encoding="utf-8")
        (tmp_path / "secret" / name).write_text(text, encoding="utf-8")
    (tmp_path / "secret" / "env").write_text(f"{SECRET}\nPATH=/bin\n", encoding="utf-8")
    return tmp_path / "model"


def told(path: Path, text: str, **options: bool) -> list[tuple[str, str]]:
    """The codes and messages of the errors, and that none of them holds the secret."""
    path.write_text(text, encoding="utf-8")
    try:
        lpmdsl.load(path, **options).run(backend="reference")
    except LpmError as error:
        assert "sk-secret" not in str(error)
        return [(d.code, f"{d.message} {d.help}") for d in error.report.sorted() if d.severity == "error"]
    return []


def codes(path: Path, text: str, **options: bool) -> set[str]:
    return {code for code, _ in told(path, text, **options)}


def test_files_beside_the_model_and_below_are_read(tmp_path: Path) -> None:
    folder = folders(tmp_path)
    assert codes(folder / "m.lpm", MODEL) == set()
    (folder / "below").mkdir()
    (folder / "people.csv").rename(folder / "below" / "p.csv")
    assert codes(folder / "m.lpm", MODEL.replace("people.csv", "below/../below/p.csv")) == set()


@pytest.mark.parametrize("name", list(FILES))
def test_a_path_that_leads_out_is_refused_unless_allowed(name: str, tmp_path: Path) -> None:
    folder = folders(tmp_path)
    for path in (f"../secret/{name}", str(tmp_path / "secret" / name), f"below/../../secret/{name}", f"link/{name}"):
        if path.startswith("link"):
            (folder / "link").symlink_to(tmp_path / "secret")
        (folder / "below").mkdir(exist_ok=True)
        assert codes(folder / "m.lpm", MODEL.replace(name, path)) == {"E0413"}, path
        assert codes(folder / "m.lpm", MODEL.replace(name, path), allow_files=True) == set(), path


@pytest.mark.parametrize("name", list(FILES))
def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_not(name: str, tmp_path: Path) -> None:
    folder = folders(tmp_path)
    (folder / name).rename(folder / "real.csv")
    (folder / name).symlink_to("real.csv")
    assert codes(folder / "m.lpm", MODEL) == set()
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "secret" / name)
    assert codes(folder / "m.lpm", MODEL) == {"E0413"}


def test_whether_a_file_outside_is_there_is_not_told(tmp_path: Path) -> None:
    folder = folders(tmp_path)
    said = {told(folder / "m.lpm", MODEL.replace("people.csv", f"../secret/{n}"))[0][1].replace(n, "")
            for n in ("env", "nothing")}  # fmt: skip
    assert len(said) == 1


def test_the_environment_is_never_read_nor_told(tmp_path: Path) -> None:
    folder = folders(tmp_path)
    for name in ("/proc/self/environ", "../../../../../../../../proc/self/environ", "/dev/zero", "/dev/stdin"):
        assert codes(folder / "m.lpm", MODEL.replace("people.csv", name)) == {"E0413"}
        found = told(folder / "m.lpm", MODEL.replace("people.csv", name), allow_files=True)
        assert {code for code, _ in found} <= {"E0406"} and found, name
        assert all("PATH" not in message for _, message in found)
    found = told(folder / "m.lpm", MODEL.replace("people.csv", "../secret/env"), allow_files=True)
    assert found and all("PATH" not in message and "KEY" not in message for _, message in found)


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    place = Place(tmp_path, (tmp_path,))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (
        ("pipe", "no plain file"),
        ("folder", "a folder"),
        ("loop", "leads out"),
        ("a" * 5000, "leads out|too long"),
        ("none", "There is no file"),
        ("x\0y", "leads out"),
    ):
        with pytest.raises(Problem, match=why):
            read_file(name, place)


def test_a_file_of_holes_counts_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, (tmp_path,))
    with (tmp_path / "sparse.csv").open("wb") as out:
        out.truncate(2 * 2**30)
    with pytest.raises(Problem, match=r"2\.0 GiB, and 1 GiB is the most"):
        read_file("sparse.csv", place)
    monkeypatch.setattr(door, "MOST_BYTES", 10)
    (tmp_path / "small.csv").write_text("0123456789")
    assert read_file("small.csv", place).data == b"0123456789"


def test_what_is_put_in_its_place_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the opening another file is put there: the descriptor shows it."""
    folder = folders(tmp_path)
    (tmp_path / "real").mkdir()
    real_open = os.open

    def swap(path: Path, flags: int, *rest: int) -> int:
        if Path(path).name == "people.csv":
            Path(path).unlink()
            Path(path).symlink_to(tmp_path / "secret" / "env")
        return real_open(path, flags, *rest)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(Problem, match="leads out"):
        read_file("people.csv", Place(folder, (folder,)))


LIBRARY = 'library l version 1.0\ntable weights by g of number from "w.csv" column w\n'


def test_libraries_read_their_own_folder_and_the_models(tmp_path: Path) -> None:
    folder = folders(tmp_path)
    (folder / "lib").mkdir()
    (folder / "w.csv").rename(folder / "lib" / "w.csv")
    text = MODEL.replace('table weights by g of number from "w.csv" column w\n', "").replace(
        "version 1.0\n", 'version 1.0\nuse "lib/l"\n', 1)  # fmt: skip
    (folder / "lib" / "l.lpm").write_text(LIBRARY, encoding="utf-8")
    assert codes(folder / "m.lpm", text) == set()
    (folder / "lib" / "w.csv").rename(folder / "w.csv")
    (folder / "lib" / "l.lpm").write_text(LIBRARY.replace("w.csv", "../w.csv"), encoding="utf-8")
    assert codes(folder / "m.lpm", text) == set()
    (folder / "lib" / "l.lpm").write_text(LIBRARY.replace("w.csv", "../../secret/w.csv"), encoding="utf-8")
    assert codes(folder / "m.lpm", text) == {"E0413"}
    (tmp_path / "secret" / "l.lpm").write_text(LIBRARY, encoding="utf-8")
    for path in ("../secret/l", str(tmp_path / "secret" / "l.lpm")):
        assert codes(folder / "m.lpm", text.replace("lib/l", path)) == {"E0413"}
        assert codes(folder / "m.lpm", text.replace("lib/l", path), allow_files=True) == set()


def test_every_command_that_reads_a_model_takes_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folders(tmp_path)
    path = folder / "m.lpm"
    path.write_text(MODEL.replace("w.csv", "../secret/w.csv"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 1
    assert CliRunner().invoke(app, ["check", str(path), "--allow-files"]).exit_code == 0
    for command in ("run", "compare", "calibrate", "analyse", "doc", "sensitivity", "cost", "emit"):
        assert "--allow-files" in CliRunner().invoke(app, [command, "--help"]).output


def test_recorded_answers_beside_the_model_are_not_read_through_a_link(tmp_path: Path) -> None:
    from lpmdsl.runtime.behaviours.opening import beside
    from lpmdsl.source import Source

    folder = folders(tmp_path)
    source = Source("m.lpm", "", folder / "m.lpm")
    (folder / "m.ledger.jsonl").write_text("")
    assert beside(source) is not None
    (folder / "m.ledger.jsonl").unlink()
    (folder / "m.ledger.jsonl").symlink_to(tmp_path / "secret" / "env")
    assert beside(source) is None
