"""Small whole runs whose outcome is certain, on both back ends."""

from __future__ import annotations

import pytest

import lpmdsl
from compiler_tests.support.both_backends import BACKENDS

PULSE = """model pulse version 1.0

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
    table = lpmdsl.load(PULSE).run(backend=backend).observations  # type: ignore[arg-type]
    given = table[table["observation"] == "given"].set_index("step")["value"] / 1_000
    assert [given[t] for t in (6, 7, 12, 14, 15, 17)] == [0, 1, 6, 8, 9, 9]


REPORTING = """model reporting version 1.0

clock
  step 1 day
  for 14 days

table reporting by group of share
  told 100 %
  missed 0 %

agent Person count 2_000
  group category ~ categorical(told 50 %, missed 50 %)

condition Course of Person
  states A, B
  start A
  from A after uniform(1 day, 6 days) to B

observe all = number entering B per week by group
observe reported = number entering B per week by group thinned by reporting[group]
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_reporting_may_differ_by_group(backend: str) -> None:
    """Everyone enters B in the first week; those who are told are all reported, the others never."""
    table = lpmdsl.load(REPORTING).run(backend=backend).observations  # type: ignore[arg-type]
    first = table[table["step"] == 7].set_index(["observation", "group"])["value"]
    assert first["all", "told"] + first["all", "missed"] == 2_000
    assert first["reported", "told"] == first["all", "told"] > 0
    assert first["reported", "missed"] == 0 < first["all", "missed"]


TWO_STRAINS = """model strains version 1.0

clock
  step 1 day
  for 7 days

agent Person count 100

condition Old of Person
  states S, I
  start S
  from S after fixed(1.5 days) to I

condition New of Person
  states S, I
  start S except 40 Person in I
  from S after fixed(2.5 days) to I

observe old = number entering I of Old per week
observe new = number entering I of New per week
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_flows_of_two_conditions_with_the_same_states(backend: str) -> None:
    """All 100 enter I of Old; the 60 who do not start there enter I of New."""
    table = lpmdsl.load(TWO_STRAINS).run(backend=backend).observations  # type: ignore[arg-type]
    assert dict(zip(table["observation"], table["value"], strict=True)) == {"old": 100, "new": 60}


def test_a_flow_says_of_which_condition_where_several_have_the_state() -> None:
    with pytest.raises(lpmdsl.LpmError, match="State `I` is in several conditions: Old, New") as failed:
        lpmdsl.load(TWO_STRAINS.replace(" of Old", ""))
    (diagnostic,) = failed.value.report.diagnostics
    assert (diagnostic.code, diagnostic.span.line, diagnostic.span.column) == ("E0203", 19, 31)
    assert diagnostic.help == "Say of which, as in `number entering I of Old per week`."
