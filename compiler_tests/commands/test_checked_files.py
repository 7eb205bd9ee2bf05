"""``lpmc check``: the same with and without the reader of a command line, and what is dear only after what is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compiler_tests.example_models.small_models import OUTBREAK, WRONG_STATE
from lpmdsl.cli import main
from lpmdsl.cli.commands import obey
from lpmdsl.theory import promised

UNREAD = "\nparameter unread = 1 per day\n"
PROMISED = OUTBREAK + UNREAD + "\ncheck R0 of Spots between 50 and 60\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "outbreak.lpm"
    path.write_text(PROMISED, encoding="utf-8")
    return path


def ended(words: list[str]) -> int:
    with pytest.raises(SystemExit) as found:
        main(words)
    return int(found.value.code or 0)


@pytest.mark.parametrize("text", [OUTBREAK, WRONG_STATE, PROMISED])
def test_files_alone_are_checked_as_by_the_reader_of_the_command_line(text, model, capsys):
    model.write_text(text, encoding="utf-8")
    words = ["check", str(model), str(model.with_name("nothing.lpm"))]
    code = ended(words)
    told = capsys.readouterr()
    assert code == obey(words) == 1
    assert told == capsys.readouterr() and "E0104" in told.out


def test_a_broken_promise_of_r0_is_an_error(model, capsys):
    assert ended(["check", str(model)]) == 1
    told = capsys.readouterr().out
    assert "error[E0908]" in told and told.endswith(f"{model}: 1 error, 1 warning\n")


@pytest.mark.parametrize("form", [[], ["--format", "json"]])
def test_what_costs_nothing_is_printed_before_an_r0_is_worked_out(form, model, monkeypatch, capsys):
    seen: list[str] = []
    monkeypatch.setattr(promised, "check_r0", lambda *_: seen.append(capsys.readouterr().out))
    assert ended(["check", str(model), *form]) == 0
    (before,) = seen
    assert "W0" in before and "unread" in before and "outbreak.lpm: " not in before


@pytest.mark.skipif(sys.platform == "win32", reason="no signal of a closed pipe")
def test_a_reader_that_has_gone_ends_it_without_a_word(model):
    """The pipe is closed before anything is written to it."""
    program = "import sys; sys.stdin.readline()\nfrom lpmdsl.cli import main\nmain(['check', sys.argv[1]])"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(model)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as started:  # fmt: skip
        assert started.stdout and started.stdin and started.stderr
        started.stdout.close()
        started.stdin.write(b"\n")
        started.stdin.close()
        assert started.stderr.read() == b""
    assert started.returncode == 1
