"""Ties of days that are over: every way of running alike, exact counts of meetings, chances, and messages."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner
from compiler_tests.support.four_ways import assert_all_seen, same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.networks.random_regular import circles, rows_of_draw
from lpmdsl.networks.rng_keys import site
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """model meeting version 1.0

clock
  step 1 day
  from 2024-01-01 for 20 days

agent Person count 400
  household place of size 3
  told yes/no = no
  meetings number = 0
  own number = 0

network homes joins Person sharing household with 1 contact per day
network met joins Person as random_regular(degree 4) redrawn every day with 1 contact per day per tie

condition Flu of Person
  states S, E, I, R
  start S except 20 Person in I
  from S by contagion to E
  from E after exponential(mean 1 day) to I
  from I after gamma(mean 5 days, sd 2 days) to R
  while R
    leave met

condition Home of Person
  states Out, In
  start Out
  from Out when told to In
  from In after fixed(3 days) to Out
  while In
    leave met
  on entering In
    each of met in the last 4 days with probability 30 %
      add 1 to their.meetings
  on entering Out
    set told to no

contagion of Flu
  from I on homes, met at 0.1 per contact

rule trace of Person
  every day
  where Flu is I with probability 20 %
  and each of met in the last 5 days where their.Flu is not R with probability 60 %
    set their.told to yes
    add 1 to their.meetings with probability 50 %
    add 0.1 to own

intervention again
  starts after 3 days
  every 2 days for 30 Person where Flu is I
    each of met in the last 2 days
      add 1 to their.meetings

observe cases = number entering E per day
observe at_home = count of Person where Home is In every day
observe owns = sum of own over Person every day
observe all_meetings = sum of meetings over Person every day
"""
LINE = "each of met in the last 5 days where their.Flu is not R with probability 60 %"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("redrawn every day", "redrawn every day"),
        ("redrawn every day", "redrawn every 3 days"),
        ("step 1 day", "step 6 hours"),
        ("per day per tie", "per day per tie on weekdays"),
        ("  while R\n    leave met\n", ""),
        ("  while In\n    leave met\n", ""),
        ("  while R\n    leave met\n", "  removed in R\n"),
        ("in the last 5 days", "in the last 62 days"),
    ],
)
def test_all_ways_look_back_alike(old: str, new: str) -> None:
    result = same_four_ways(lpmdsl.load(TEXT.replace(old, new)).model, None)
    assert_all_seen(result)


def test_a_gpu_looks_back_alike() -> None:
    same_on_gpu(lpmdsl.load(TEXT.replace("redrawn every day", "redrawn every 2 days")).model, 100, steps=6)


def test_a_line_reads_as_it_is_written() -> None:
    line = f"rule trace of Person\n  {LINE}\n    set their.told to yes\n"
    assert format_module(parse(Source("m.lpm", line.replace(" in the", "   in  the")), Report())) == line


# ------------------------------------------------------------------ laws

MET = """model met version 1.0

clock
  step 1 day
  from 2024-01-01 for 12 days

agent Person count 200
  odd yes/no ~ bernoulli(50 %)
  meetings number = 0

network met joins Person as random_regular(degree 4) redrawn every {every} with 1 contact per day per tie

condition Away of Person
  states Here, Gone
  start Here
  from Here {leaves} to Gone
  while Gone
    leave met

rule count_them of Person
  on {date}
  each of met in the last {last}
    add 1 to their.meetings

observe least = min of meetings over Person every day
observe most = max of meetings over Person every day
observe all_meetings = sum of meetings over Person every day
"""


@pytest.mark.parametrize(
    ("every", "date", "last", "draws"),
    [
        ("day", "2024-01-11", "5 days", 5),
        ("day", "2024-01-03", "5 days", 2),
        ("day", "2024-01-01", "5 days", 0),
        ("3 days", "2024-01-11", "5 days", 3),
        ("3 days", "2024-01-10", "5 days", 2),
        ("12 days", "2024-01-10", "5 days", 1),
    ],
)
def test_each_has_met_its_four_in_every_draw(every: str, date: str, last: str, draws: int) -> None:
    """The days that are over count, the one that begins does not: four are met in each draw that they lie in."""
    never = "after fixed(100 days)"
    model = lpmdsl.load(MET.format(every=every, date=date, last=last, leaves=never)).model
    found = runner(model, "cpu")(request_of(model, None, 1)).observations
    assert found["least"].ravel()[-1] == found["most"].ravel()[-1] == 4 * draws


def test_only_those_count_as_met_who_were_both_there() -> None:
    """The odd leave before day 7: of the days 5 to 9, two are with everybody and three among the even alone."""
    text = MET.format(every="day", date="2024-01-11", last="5 days", leaves="after fixed(6.5 days)")
    text = text.replace("start Here\n  from Here after", "start Here except where not odd in Stays\n  from Here after")
    model = lpmdsl.load(text.replace("states Here, Gone", "states Here, Gone, Stays")).model
    request = request_of(model, None, 1)
    network = circles(200, {"degree": 4}, request.seed, site("network.met"), 1)
    odd = request.world.attributes["Person", "odd"].astype(bool)
    met = 0
    for day in range(5, 10):
        rows = rows_of_draw(network, day, 200)
        # Presence is that of the end of the own moves of a step: who leaves within day 6 is not there on day 6.
        met += rows.size if day < 6 else int((~odd[:, None] & ~odd[rows]).sum())
    found = runner(model, "cpu")(request).observations["all_meetings"].ravel()[-1]
    assert found == met and 0 < met < 200 * 4 * 5


TOLD = """model told version 1.0

clock
  step 1 day
  from 2024-01-01 for 8 days

agent Person count 40_000
  told yes/no = no
  heard number = 0

network met joins Person as random_regular(degree 2) redrawn every 2 days

rule tell of Person
  on 2024-01-08 for 1_000 Person
  each of met in the last 5 days with probability 30 %
    set their.told to yes
    add 1 to their.heard

observe told_in_the_end = count of Person where told
observe heard_in_all = sum of heard over Person every day
"""


def test_a_chance_is_that_of_each_pair() -> None:
    """1 000 look back over three draws of two ties: 6 000 meetings of which 30 % are told of, |z| < 4; hardly any pair
    met twice, and nearly all who are told are told once."""
    model = lpmdsl.load(TOLD).model
    found = runner(model, "cpu")(request_of(model, None, 2)).observations
    heard, told = (float(found[name].ravel()[-1]) for name in ("heard_in_all", "told_in_the_end"))
    assert abs(heard - 1_800) < 4 * np.sqrt(6_000 * 0.3 * 0.7)
    people = 40_000 * (1 - np.exp(-heard / 40_000))
    assert abs(told - people) < 4 * np.sqrt(heard**2 / 80_000) + 1


# ------------------------------------------------------------------ messages


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("each of homes in the last 5 days", "E1114", 29),
        ("each of met in the last 63 days", "E1115", 27),
        ("each of met in the last 2 months", "E1115", 27),
        ("each of met in the last 12 hours", "E0705", 27),
        ("each of met in the last 36 hours", "E0705", 27),
        ("each of known in the last 5 days", "E0201", 11),
        ("each of met in last 5 days", "E0101", 18),
        ("each of met in the last", "E0101", 26),
        ("each of met in the last 0 days", "E0705", 27),
        ("pick one of met in the last 5 days", "E0101", 19),
        ("each of Person in the last 5 days", "E1004", 11),
    ],
)
def test_messages(line: str, code: str, column: int) -> None:
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(TEXT.replace(f"and {LINE}", line))
    found = [(d.code, d.span.line, d.span.column) for d in raised.value.report.diagnostics]
    assert (code, 44, column) in found, found


def test_ties_that_stay_have_no_last_days() -> None:
    text = TEXT.replace(" redrawn every day", "")
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text)
    found = [(d.code, d.span.line, d.span.column) for d in raised.value.report.diagnostics]
    assert sorted(f for f in found if f[0] == "E1114") == [("E1114", 33, 29), ("E1114", 44, 31), ("E1114", 52, 29)]
