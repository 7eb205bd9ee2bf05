"""An intervention whose end is delayed: certain at the crossing, it comes that much later, on both back ends."""

from __future__ import annotations

import pytest
from both_backends import BACKENDS

import lpmdsl

TEXT = """model pulse version 1.0

clock
  step 1 day
  for 20 days

agent Person count 1_000
  treated number = 0

condition Course of Person
  states A, B
  start A
  from A after fixed(5.5 days) to B
  from B after fixed(6 days) to A

observe ill = count of Person where Course is B every day
observe given = sum of treated over Person every day

intervention programme
  starts when ill rises above 500
  stops 3 days after ill falls below 500
  every day for Person where Course in A, B
    set treated to treated + 1
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_delayed_stop(backend: str) -> None:
    """Everyone is in B from boundary 6 to boundary 12: it acts in steps 6 to 14, and again from step 18."""
    table = lpmdsl.load(TEXT).run(backend=backend).observations  # type: ignore[arg-type]
    given = table[table["observation"] == "given"].set_index("step")["value"] / 1_000
    assert [given[t] for t in (6, 7, 12, 14, 15, 17)] == [0, 1, 6, 8, 9, 9]
