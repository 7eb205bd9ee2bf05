"""Set-up of every test: Triton interpreted, and generated text held against its golden files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# The tests share the cores already; libraries read these when they are loaded.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Triton reads this when its functions are defined: kernels for a GPU then run on the processor.
os.environ["TRITON_INTERPRET"] = "1"

from compiler_tests.support.interpreting import hasten

hasten()

GOLDEN = Path(__file__).parent / "golden"
Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what is generated now into golden/")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """``golden(name, text)`` fails unless ``golden/name`` holds exactly ``text``; ``--update-golden`` writes it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        assert path.exists(), f"no golden/{name}: run pytest --update-golden and read what it writes"
        assert text == path.read_text(encoding="utf-8"), f"golden/{name} differs: --update-golden, then read the diff"

    return compare
