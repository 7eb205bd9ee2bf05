"""Attacks, section by section: the hostile trials and at least ten inputs of our own to each, and where they are.

| section | hostile trials | ten of our own and more |
|---|---|---|
| A, holes | `html_inject`, `label_markup` in `test_trials_text`, `test_pages_in_a_browser`, `test_trials_agents`; `rd_environ`, `net_bad_gml`, `net_big_edgelist` in `test_trials_files`; `cells/csv` in `test_trials_text` | `PATHS` here by three readers; `test_door` (paths, links, devices, races); `hostile_texts.HIDDEN` and `SEEN` in every place of a model by `test_hostile_texts`; `test_hidden_characters`; `test_terminal`; `test_graph_files.BAD` |
| B, losses | `nel` in `test_trials_losses` and `test_trials_text` | `LISTS` here; every write of seven commands by `test_losses`, `test_losses_by_command`, `test_kept_fits`; links, devices and strangers' files in `test_losses`; ledgers in `test_trials_losses`; `test_kept_kernels` |
| C, wrong or silent | `pow` in `test_trials_rates`; `date9999` in `test_size_limits`; `rd_quoteopen` in `test_trials_files` | `NUMBERS` here; `test_size_limits.BEYOND`; 17 faults of a run in `test_watched`; `test_unknown_numbers`; `test_settings`; the trials of `test_trials_analyse` |
| D, fits | (none was kept) | `ROWS` here; `test_fit_data` (19 rows that cannot be, ten that can); weeks in `test_trials_files`; `test_left_out`, `test_identification`, `test_kept_fits` |
"""  # noqa: E501 - a table

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler_tests.calibration.test_fit_data import read
from compiler_tests.example_models.small_models import OUTBREAK
from compiler_tests.safety.test_door import FILES, MODEL, SECRET, folders
from compiler_tests.safety.test_losses import everything
from compiler_tests.safety.test_size_limits import BEYOND, reported
from compiler_tests.statistics.test_graph_files import BAD
from compiler_tests.support.hostile_texts import HIDDEN, SEEN
from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.runtime.outputs import open_run
from lpmdsl.source import Source
from lpmdsl.writing.seals import digest, sealed

HERE = Path(__file__).parent.parent

# ------------------------------------------------------------------ A: what a model may read

OUT = ["/etc/passwd", "../secret/env", "a/../../secret/env", "//host/share/x.csv", "/proc/self/mem", "/dev/fd/0",
       "people.csv/../../secret/env", "/proc/self/environ.gml"]  # fmt: skip
NOWHERE = ["~/.ssh/id_rsa", "file:///etc/passwd", "http://example.com/x.csv", r"..\\..\\secret\\env", "$HOME/.netrc",
           "%2e%2e/secret/env", "C:/Windows/win.ini", "-rf.csv", "|cat env", ""]  # fmt: skip
PATHS = [*((path, "E0413") for path in OUT), *((path, "E0406") for path in NOWHERE)]


@pytest.mark.parametrize(("path", "code"), PATHS, ids=[path for path, _ in PATHS])
def test_no_spelling_of_a_path_leads_out(path: str, code: str, tmp_path: Path) -> None:
    """As people, as a table and as ties; and what lies there is not quoted."""
    folder = folders(tmp_path)
    for name in FILES:
        text, report = MODEL.replace(name, path), Report()
        (folder / "m.lpm").write_text(text, encoding="utf-8")
        assert check_source(Source("m.lpm", text, folder / "m.lpm"), report) is None
        assert {d.code for d in report.diagnostics if d.severity == "error"} == {code}
        assert all(SECRET not in d.message + d.help and "root:" not in d.message + d.help for d in report.diagnostics)


# ------------------------------------------------------------------ B: what says that a folder is ours

MINE = b"<p>my report</p>"
_LISTED = {"complete": True, "files": {"report.html": digest(MINE.decode())}, "seal": ""}
LISTS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"\xff\xfe{",
    "a list": b"[]",
    "null": b"null",
    "a number for the files": b'{"files": 3, "seal": ""}',
    "without a seal": json.dumps(_LISTED).encode(),
    "a seal of zeros": json.dumps(_LISTED | {"seal": "0" * 64}).encode(),
    "the seal of another text": sealed(json.dumps(_LISTED)).replace("true", "false").encode(),
    "a seal inside a text": json.dumps(_LISTED | {"note": '"seal": "' + "0" * 64 + '"'}).encode(),
    "deeper than can be read": b"[" * 100_000,
    "sealed, of another report": sealed(json.dumps(_LISTED | {"files": {"report.html": digest("x")}})).encode(),
    "sealed, of a file above": sealed(json.dumps(_LISTED | {"files": {"../report.html": digest("x")}})).encode(),
    "sealed, files that are none": sealed(json.dumps(_LISTED | {"files": {"report.html": None}})).encode(),
    "sealed, in UTF-16": sealed(json.dumps(_LISTED)).encode("utf-16"),
}


@pytest.mark.parametrize("name", LISTS)
def test_nothing_but_a_sealed_list_of_the_very_files_lets_them_go(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "report.html").write_bytes(MINE)
    (tmp_path / "out" / "report.html").write_bytes(MINE)
    (tmp_path / "out" / "manifest.json").write_bytes(LISTS[name])
    before = everything(tmp_path)
    with pytest.raises(LpmError) as told:
        open_run(tmp_path / "out")
    assert told.value.report.diagnostics[0].code == "E0865" and everything(tmp_path) == before


def test_a_list_that_is_whole_is_ours(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes(MINE)
    (tmp_path / "manifest.json").write_text(sealed(json.dumps(_LISTED)))
    open_run(tmp_path).__exit__(None, None, None)


# ------------------------------------------------------------------ C: numbers that cannot be

NUMBERS = [
    ("6 contacts per day", "1e308 contacts per day * 10", "E0742"),
    ("mean illness", "mean illness / 0", "E0742"),
    ("illness = 5 days", "illness = 5 days / (1 - 1)", "E0742"),
    ("scaled by 0.1", "scaled by sqrt(-1)", "E0742"),
    ("on class at beta", "on class at beta * 10 ^ 400", "E0742"),
    ("on class at beta", "on class at beta * log(0)", "E0742"),
    ("on class at beta", "on class at -beta", "E0316"),
    ("sd 2 days", "sd -2 days", "E0316"),
    ("mean illness", "mean -illness", "E0316"),
    ("at most 100 Pupil", "at most -100 Pupil", "E0316"),
    ("to 0.03 per contact", "to 0.6 per contact", "E0317"),
    ("5 Pupil in I", "500 Pupil in I", "E0516"),
    ("count 400", "count 1e30", "E0602"),
    ("for 40 days", "for 0 days", "E0705"),
    ("every day for", "every 0 days for", "E0705"),
    ("2024-03-04", "2024-02-30", "E0101"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code"), NUMBERS, ids=[new for _, new, _ in NUMBERS])
def test_a_number_that_cannot_be_is_told(old: str, new: str, code: str) -> None:
    codes, found = reported(OUTBREAK.replace(old, new, 1))
    assert codes == [code] and found is None


# ------------------------------------------------------------------ D: data of a fit

ROWS = [
    ("", "E0406"),
    ("n\n", "E0915"),
    ("date,n\n2024-10-01,nan\n", "E0915"),
    ("date,n\n2024-10-01,1e400\n", "E0408"),
    ("date,n\n2024-10-01,0x10\n", "E0408"),
    ("date,n\n2024-10-01,1_000\n", "E0408"),
    ("date,n\n2024-10-01,=1+2\n", "E0408"),
    ("date,n\n2024-10-01,5 people\n", "E0408"),
    ("date,n\n2024-10-01,5.5\n", "E0913"),
    ("date,n\n2024-10-01\n", "E0406"),
    ("date,n,n\n2024-10-01,5,6\n", "E0406"),
    ("date,n\n99999-01-01,5\n", "E0910"),
    ("date,n\n0000-00-00,5\n", "E0910"),
    ("date,n\n2024-10-01T25:00,5\n", "E0910"),
    ("day,n\n1e300,5\n", "E0910"),
    ("day,n\nnan,5\n", "E0910"),
    ("day,n\n-7,5\n", "E0910"),
    ("date,n\n2024-10-01,\u202e5\n", "E0117"),
    ("date,n\n2024-10-01,5\x00\n", "E0117"),
    ("date,n\n2024-10-01," + "9" * 5_000 + "\n", "E0117"),
    ("week_end,n\n2024-10-06,5\n", "E0922"),
    ("week,n\n2024-W41,5\n", "E0921"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "code"), ROWS, ids=[ascii(rows[:40]) for rows, _ in ROWS])
def test_data_that_cannot_be_are_told(rows: str, code: str, tmp_path: Path) -> None:
    found, codes = read(tmp_path, rows)
    assert found is None and codes == [code]


# ------------------------------------------------------------------ how much there is


def test_every_section_has_its_trials_and_ten_of_our_own() -> None:
    table = str(__doc__)
    named = ["html_inject", "label_markup", "rd_environ", "net_bad_gml", "net_big_edgelist", "nel", "pow", "date9999",
             "rd_quoteopen", "csv"]  # fmt: skip
    trials = {path.stem for path in (HERE / "trials").rglob("*.lpm")}
    tests = {path.stem for path in HERE.rglob("test_*.py")}
    assert set(named) <= trials and all(name in table for name in named)
    rows = [line for line in table.splitlines() if line.startswith("| ") and "section" not in line]
    words = {word.strip("`").split(".")[0] for row in rows for word in row.replace(",", " ").split() if "test_" in word}
    assert len(rows) == 4 and {w.rstrip(";`") for w in words} <= tests
    inputs = (PATHS, LISTS, NUMBERS, ROWS, {**HIDDEN, **SEEN}, BEYOND)
    assert all(len(own) >= 10 for own in inputs) and len(BAD) >= 8
