"""Every model counts the same on one, two and three threads, which really share its agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler_tests.support.both_backends import (
    MODELS,
    assert_same,
    compiled,
    cpu_run,
    every_thread,
    loaded,
    small_requests,
)

STEPS = 40


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_every_model_counts_the_same_on_any_number_of_threads(path: Path) -> None:
    made = compiled(loaded(path).model)
    request = small_requests(path, STEPS)[0]
    alone = cpu_run(made)(request)
    with every_thread():
        for threads in (2, 3):
            assert_same(alone, cpu_run(made, threads)(request))
