"""Representatives by response: one is asked for all who answer alike; bounds of calls, ledger, replay, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.example_models.behaviour_models import checked
from compiler_tests.example_models.language_models import asked, everyone
from compiler_tests.support.both_backends import assert_same, request_of, runner
from compiler_tests.support.llm_servers import Handler, proxied
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.interchange import from_json, to_json
from lpmdsl.runtime.behaviour_costs import cost_of
from lpmdsl.runtime.behaviours.grouping import medoids
from lpmdsl.runtime.behaviours.jsonl import export_lines
from lpmdsl.runtime.behaviours.ledger import open_ledger
from lpmdsl.runtime.scenarios import plan
from lpmdsl.semantics.analysis.archetypes import most_archetypes
from lpmdsl.semantics.analysis.representatives import kinds, most_asked
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

# ------------------------------------------------------------------ groups


def test_medoids_are_those_of_a_full_search() -> None:
    """Three groups apart: every kind is stood for by the middle one of its own group."""
    rng = np.random.default_rng(3)
    centres = np.array([[0.1, 0.2], [0.8, 0.1], [0.5, 0.9]])
    answers = np.concatenate([c + rng.uniform(-0.05, 0.05, (7, 2)) for c in centres])
    found = medoids(answers, 3)
    for group in range(3):
        mine = np.arange(7 * group, 7 * group + 7)
        apart = np.abs(answers[mine][:, None] - answers[mine][None]).sum(axis=2).sum(axis=1)
        assert set(found[mine]) == {mine[np.argmin(apart)]}


def test_as_many_medoids_as_kinds_stand_for_themselves_and_equals_for_each_other() -> None:
    answers = np.array([[0.0], [0.3], [0.3], [1.0]])
    assert list(medoids(answers, 4)) == [0, 1, 1, 3]
    assert len(set(medoids(answers, 1))) == 1


# ------------------------------------------------------------------ a crowd of six kinds

CROWD = """\
model anchors version 1.0

clock
  step 1 day
  for 6 days

agent Person count 600
  age duration ~ uniform(0 years, 90 years)
  job category ~ categorical(desk 50 %, road 50 %)
  careful yes/no = no

network friends joins Person as erdos_renyi(degree 5)

condition Flu of Person
  states S, I, R
  start S except 60 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R
  seen in I

contagion of Flu
  from I on friends at 0.1 per day
  source scaled by 0.5 where careful

observe careful_ones = count of Person where careful
observe cases = number entering I per day

behaviour caring of Person
  decides yes/no into careful
  every day
  knows age in bands at 20 years, 50 years named "young", "grown", "old"
  knows job
  knows ill_friends = count of friends where their.Flu is I in bands at 1, 2, 3 named "no", "one", "two", "many"
  asks 2 times per archetype
    "You are {age} and work at the {job}; {ill_friends} friends are ill. Are you careful?"
  asks 2 representatives by response
  otherwise no
"""


def says(handler: Handler, body: bytes) -> bool:
    """Old people are careful, and nobody else; whatever they work at, and whoever is ill."""
    told = json.loads(body)["messages"][-1]["content"]
    return handler.say(json.dumps({"decision": "yes" if "are old" in told else "no"}))


def test_kinds_and_battery() -> None:
    model = checked(CROWD)
    one = model.behaviour("caring")
    of = kinds(model, one)
    assert len(of.each) == of.count == 6 and of.moments == 4 and of.battery == [("no",), ("many",)]
    # Twelve for the battery, and two kinds at the two moments that are not in it.
    assert most_asked(model, one) == 16 and most_archetypes(one) == 24


def test_kinds_that_answer_alike_are_asked_for_by_one(tmp_path: Path) -> None:
    """Old people of both jobs are one group, all others another; the first of each is asked for it."""
    model = checked(CROWD)
    one, results = model.behaviour("caring"), []
    with proxied("", says) as proxy:
        for mode in ("record", "replay"):
            with asked(model, url=proxy.url, mode=mode, ledger=tmp_path / "l.sqlite") as answers:
                request = replace(request_of(model, 600), ask=answers.ask_for({}, {}))
                results.append(runner(model, "cpu", 2 if mode == "replay" else 1)(request))
                record = answers.record().each["caring"]
        assert proxy.calls == 2 * record.archetypes and 12 < record.archetypes <= 16
    assert record.hits == record.asks
    assert_same(*results)
    assert record.asked_for == {
        f"{age}, {job}": "old, desk" if age == "old" else "young, desk"
        for age in ("young", "grown", "old") for job in ("desk", "road")
    }  # fmt: skip
    assert len(list(export_lines(open_ledger(tmp_path / "l.sqlite")))) > record.archetypes
    with asked(model, mode="replay", ledger=tmp_path / "l.sqlite") as answers:
        who = [a for a in everyone(one) if a.labels[2] in ("no", "many")]
        table = answers.ask_for({}, {})("caring", 0, tuple(who))
    assert [row[1] for row in table] == [float(a.labels[0] == "old") for a in who]


def test_the_cost_counts_the_battery_and_the_representatives() -> None:
    model = checked(CROWD)
    cost = cost_of(model, plan(model, RunOptions(agents={"Person": 600})), 1.0, 1)
    assert [(p.archetypes_most, p.calls_most) for p in cost.parts] == [(16, 32)]


def test_texts_go_round() -> None:
    assert format_module(parse(Source("anchors.lpm", CROWD), Report())) == CROWD
    model = checked(CROWD)
    assert from_json(to_json(model)) == model


# ------------------------------------------------------------------ what stands for nobody

LINE = "  asks 2 representatives by response\n"
BROKEN = [
    (LINE, LINE.replace("2", "6"), "E0785", "there are 6 kinds"),
    (LINE, LINE.replace("2", "0.5"), "E0316", "0.5 representatives"),
    (" in bands at 1, 2, 3 named \"no\", \"one\", \"two\", \"many\"", " in bands at 1", "E0785", "the 2 moments"),
    ("  knows ill_friends = count of friends where their.Flu is I in bands at 1, 2, 3 named \"no\", \"one\", \"two\", "
     "\"many\"\n", "", "E0785", "stays as it is"),
    (LINE, LINE + LINE, "E0111", "asks"),
    ("by response", "by respond", "E0101", "asks"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "words"), BROKEN, ids=[b[3] for b in BROKEN])
def test_what_saves_nothing_is_told_with_its_line(old: str, new: str, code: str, words: str) -> None:
    text = CROWD.replace("; {ill_friends} friends are ill", "") if new == "" else CROWD
    assert old in text
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text.replace(old, new))
    found = [d for d in raised.value.report.diagnostics if d.code == code]
    assert found and words in found[0].message + str(found[0].help), raised.value
    assert "representatives" in text.replace(old, new).splitlines()[found[0].span.line - 1]
