"""Events: each way in which a model can change something is one, with what it writes, of whom."""

from __future__ import annotations

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Report
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import (
    Thing,
    attributes_written,
    events,
    first_writes,
    forced_states,
    may_be_absent,
)
from lpmdsl.source import Source

EVERYTHING = """\
model everything version 1.0

clock
  step 1 day
  from 2024-01-01 for 60 days

parameter beta = 0.03 per contact

agent Person count 1_000
  careful yes/no ~ bernoulli(20 %)
  masked yes/no = no
  jabs number = 0
  household place of size ~ poisson(3)

network homes joins Person sharing household with 6 contacts per day
network town joins Person at random with 8 contacts per day

condition Cold of Person
  states S, I, R, Dead
  start S except 10 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days)
    to Dead with probability 1 %
    to R otherwise
  while R
    leave town
    set careful to yes
  on entering R
    set jabs to jabs + 1
  removed in Dead

contagion of Cold
  from I on homes, town at beta
  target scaled by 0.5 where careful or masked

intervention jabs_given
  starts on day 10
  every week for at most 10 Person where Cold is S
    set jabs to jabs + 1
    move Cold to R
  while active for Person where jabs < 1
    set masked to yes
    leave homes
  while active
    scale town by 0.5
    change beta to 0.02 per contact

observe cases = number entering I per day
observe jabbed = mean of jabs over Person every week
"""


def checked(text: str) -> m.Model:
    report = Report()
    found = check_source(Source("everything.lpm", text), report)
    assert found is not None, report.diagnostics
    return found[0]


def test_every_way_of_changing_something_is_an_event() -> None:
    model = checked(EVERYTHING)
    found = [(event.owner, sorted((t.what, t.of, t.name) for t in event.writes)) for event in events(model)]
    state = [("state", "Person", "Cold")]
    assert found == [
        ("condition Cold", state),
        ("condition Cold", state),
        ("condition Cold", [("attribute", "Person", "jabs")]),
        ("condition Cold", [("presence", "Person", "town")]),
        ("condition Cold", [("reading", "Person", "careful")]),
        ("condition Cold", [("presence", "Person", "homes"), ("presence", "Person", "town")]),
        ("intervention jabs_given", [("attribute", "Person", "jabs"), *state]),
        ("intervention jabs_given", [("presence", "Person", "homes"), ("reading", "Person", "masked")]),
        ("intervention jabs_given", [("contacts", "", "town"), ("parameter", "", "beta")]),
    ]


def test_what_can_be_changed_follows_from_the_effects() -> None:
    model = checked(EVERYTHING)
    assert attributes_written(model) == {("Person", "jabs")}
    assert set(first_writes(model, "attribute", "reading")) == {("Person", n) for n in ("jabs", "careful", "masked")}
    assert {a.name for a in model.agent("Person").attributes if a.is_changed} == {"jabs", "careful", "masked"}
    assert forced_states(model, "Cold") == {2}
    assert may_be_absent(model, model.network("town"), "Person")
    assert Thing("state", "Person", "Cold") in {t for event in events(model) for t in event.writes}


def test_nobody_is_absent_where_nothing_makes_them_so() -> None:
    text = (
        EVERYTHING.replace("    leave town\n", "").replace("    leave homes\n", "").replace("  removed in Dead\n", "")
    )
    model = checked(text)
    assert not any(may_be_absent(model, network, "Person") for network in model.networks)
