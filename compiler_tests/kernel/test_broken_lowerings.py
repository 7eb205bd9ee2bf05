"""The breaks of ``compiler_tests/broken_lowerings.py`` can be made: each text and each test is there."""

from __future__ import annotations

import pytest

from compiler_tests.broken_lowerings import BROKEN, ROOT, Broken


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name[:30])
def test_each_break_can_be_made_and_names_its_test(broken: Broken) -> None:
    assert (ROOT / broken.file).read_text(encoding="utf-8").count(broken.old) == 1
    assert broken.old != broken.new
    for test in broken.test.split():
        path, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")
