"""Some mutants of all models (``compiler_tests/mutants.py``): refused with a reason, or compiled; never a traceback."""

from __future__ import annotations

from compiler_tests.mutants import Tally, mutants, try_one


def test_a_mutant_is_told_or_compiled() -> None:
    tally = Tally()
    for source in mutants(150, seed=27):
        try_one(source, tally)
    assert tally.faults == []
    assert sum(tally.outcomes.values()) == 150
    assert tally.outcomes["valid"] >= 15 and tally.outcomes["refused"] >= 60
