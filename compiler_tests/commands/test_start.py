"""Modules that a command loads before it answers: every package and every room of ours that it may, no other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROBE = """
import json, sys
from lpmdsl.cli import main
before = set(sys.modules)
try:
    main(json.loads(sys.argv[1]))
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted(sys.modules)]))
"""
COMMAND_LINE = {"typer", "annotated_doc", "shellingham", "pydantic", "pydantic_core", "annotated_types",
                "typing_extensions", "typing_inspection"}  # fmt: skip
"""What reads the words of a command line, and what that brings."""
TEXT = {"cli", "codes", "diagnostics", "escaping", "source", "terminal", "writing", "extras", "syntax", "quantities",
        "reading", "records"}  # fmt: skip
"""Rooms that read and write a text."""
CHECK = {"semantics", "distributions", "networks"}
"""Rooms that find out what it means; of ``networks`` the table of generators and the names of draws."""
R0 = {"theory", "population", "native", "runtime"}
"""Rooms that draw some of the people and work out what they pass on; of ``runtime`` the values that are set."""
LIMITS = {
    "explain": (
        ["explain", "E0301"],
        {"rich", "markdown_it", "mdurl", "pygments"} | COMMAND_LINE,
        TEXT - {"syntax", "reading", "quantities", "records"},
    ),
    "fmt": (["fmt", "--check", "models/town_flu.lpm"], {"lark"} | COMMAND_LINE, TEXT),
    "check": (["check", "models/nyc_isolation.lpm"], {"lark", "numpy"}, TEXT | CHECK),
    "check as JSON": (
        ["check", "--format", "json", "models/nyc_isolation.lpm"],
        {"lark", "numpy"} | COMMAND_LINE,
        TEXT | CHECK,
    ),
}


@pytest.mark.parametrize("command", LIMITS)
def test_a_command_loads_what_it_needs_and_no_more(command: str) -> None:
    words, packages, rooms = LIMITS[command]
    code, third, ours = loaded(words)
    assert code == 0
    assert third <= packages and ours <= rooms


def test_a_promised_r0_loads_the_theory_and_no_compiler() -> None:
    """Nothing is lowered, few people are drawn without LLVM, and no library of algebra or statistics comes: a Poisson's
    counts, and gamma and lognormal times, are worked out without."""
    code, third, ours = loaded(["check", "models/town_flu.lpm"])
    assert code == 0 and "theory" in ours
    assert third <= {"lark", "numpy"}
    assert ours <= TEXT | CHECK | R0


def loaded(words: list[str]) -> tuple[int, set[str], set[str]]:
    """Exit code of a command in a process of its own; the packages, and our rooms, that it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(words)], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    code, names = json.loads(done.stdout.splitlines()[-1])
    tops = {name.split(".")[0] for name in names}
    third = {t for t in tops if t not in sys.stdlib_module_names and not t.startswith("_")}
    ours = {name.split(".")[1] for name in names if name.startswith("lpmdsl.")}
    return code, third - {"lpmdsl", "sitecustomize"}, ours
