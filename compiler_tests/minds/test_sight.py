"""Sight of contacts by those who decide: one meaning on every back end, the law of the bands, refused where hidden."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from compiler_tests.example_models.behaviour_models import answering, checked, problems
from compiler_tests.example_models.language_models import asked, law
from compiler_tests.minds.crowds import SIGHT
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from compiler_tests.support.four_ways import same_four_ways
from compiler_tests.support.llm_servers import HAS_SERVER, policy_server
from lpmdsl.backends.request import Archetype
from lpmdsl.compiler import check_source
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import Report
from lpmdsl.interchange import from_json, to_json
from lpmdsl.runtime.behaviour_costs import cost_of
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.runtime.scenarios import plan
from lpmdsl.semantics.analysis.archetypes import most_archetypes
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

Z = 3.0

# ------------------------------------------------------------------ one meaning on every back end


@pytest.mark.parametrize("seed", [1, 2])
def test_four_ways_agree(seed: int) -> None:
    result = same_four_ways(checked(SIGHT), 1_000, seed)
    last = {name: values[-1, 0] for name, values in result.observations.items()}
    assert 100 < last["calm_ones"] < 900 and 0.1 < last["efforts"] < 0.9
    assert len(set(result.observations["calm_ones"][:, 0])) > 4


def test_many_threads_agree() -> None:
    made = compiled(checked(SIGHT))
    request = request_of(made.model, 40_000, 3)
    assert_same(cpu_run(made)(request), cpu_run(made, threads=3)(request))


def test_the_gpu_gives_the_counts_of_the_cpu() -> None:
    made = compiled(checked(SIGHT))
    requests = [request_of(made.model, 300, 5, replicate=r) for r in range(2)]
    for request, result in zip(requests, gpu_runner(made, Tiling(128))(requests, None), strict=True):
        assert_same(cpu_run(made)(request), result)


def test_texts_go_round() -> None:
    assert format_module(parse(Source("sight.lpm", SIGHT), Report())) == SIGHT
    model = checked(SIGHT)
    assert from_json(to_json(model)) == model


def test_labels_and_their_number() -> None:
    calming = checked(SIGHT).behaviour("calming")
    assert [k.labels for k in calming.knows] == [
        ("red", "blue"),
        ("below 25 %", "25 to 50 %", "50 to 75 %", "75 % or more", "unknown"),
        ("no", "some", "many"),
        ("no", "yes"),
        ("below 20 years", "20 years or more"),
        ("lately", "long ago"),
    ]
    assert most_archetypes(calming) == 2 * 5 * 3 * 2 * 2 * 2


def test_the_cost_counts_every_band_of_what_is_seen() -> None:
    """Only a run tells what friends show, so the expectation takes every label of it: parties are what is there."""
    model = checked(SIGHT)
    part = cost_of(model, plan(model, RunOptions(agents={"Person": 500})), 1.0, 1).parts[0]
    assert part.archetypes_expected == part.archetypes_most == 240


def test_who_has_no_friend_is_told_so() -> None:
    model = checked(SIGHT)
    calls: list[tuple[str, int, tuple[Archetype, ...]]] = []
    runner(model, "cpu")(replace(request_of(model, 1_000), ask=answering(model, calls)))
    shown = {a.labels[1] for _, step, who in calls for a in who if step == 0}
    assert "unknown" in shown, "exp(-5) of a thousand people have no friend"


# ------------------------------------------------------------------ the law on the bands

FIXED = """\
model fixed version 1.0

clock
  step 1 day
  for 2 days

agent Person count 40_000
  age duration ~ uniform(0 years, 90 years)
  wearing yes/no ~ bernoulli(40 %)
  isolating yes/no = no

network friends joins Person as erdos_renyi(degree 6)

condition Flu of Person
  states S, I
  start S
  from S at rate 0.1 per day * (1 where isolating, 0 otherwise) to I

observe yes_low = count of Person where isolating and (share of friends where their.wearing else 0) < 25 %
observe yes_high = count of Person where isolating and (share of friends where their.wearing else 0) >= 60 %
observe all_yes = count of Person where isolating
observe low = count of Person where (share of friends where their.wearing else 0) < 25 %
observe high = count of Person where (share of friends where their.wearing else 0) >= 60 %

behaviour isolate of Person
  decides yes/no into isolating as isolate or go_out
  every day
  knows age in bands at 20 years, 30 years, 40 years, 50 years, 65 years named AGES
  knows wear = share of friends where their.wearing else 0 in bands at 25 %, 60 % named "low", "medium", "high"
  asks for probabilities
    "Person: age {age}. Cases: {wear}. Does this person isolate at home?"
  system "You estimate behaviour. Reply in JSON."
  otherwise 10 %
""".replace("AGES", '"0-19", "20-29", "30-39", "40-49", "50-64", "65+"')
"""Masks stay as they are, so the share that decides yes in a band is the model's law of that band."""


@pytest.mark.skipif(not HAS_SERVER, reason="the server (xllamacpp) is for Linux on x86_64")
def test_shares_by_what_friends_show_follow_the_law_of_the_policy() -> None:
    """Ages are uniform and say nothing of friends: P(yes) of a band is the mean of the law over ages, to 3 standard
    errors and the 0.007 by which the policy itself is off."""
    model = checked(FIXED)
    with policy_server() as url, asked(model, url=url) as answers:
        request = replace(request_of(model, 40_000, 2), ask=answers.ask_for({}, {}))
        result = runner(model, "cpu")(request)
        assert_same(result, runner(model, "cpu", 2)(request))
    found = {name: values[1, 0] for name, values in result.observations.items()}
    found["medium"] = 40_000 - found["low"] - found["high"]
    found["yes_medium"] = found["all_yes"] - found["yes_low"] - found["yes_high"]
    width = np.diff([0, 20, 30, 40, 50, 65, 90]) / 90
    for cases, band in enumerate(("low", "medium", "high")):
        p = float(sum(w * law(age, cases) for age, w in enumerate(width)))
        people = found[band]
        assert people > 1_000
        assert abs(found[f"yes_{band}"] / people - p) < Z * math.sqrt(p * (1 - p) / people) + 0.007


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ("their.Flu is I in", "their.Flu is E in", "E0780", 44, 46),
        ("  seen in I, D\n", "", "E0780", 43, 46),
        ("seen in I, D", "seen in I, H", "E0203", 28, 14),
        ("their.party over friends is party", "their.Flu over friends is I", "E0780", 45, 30),
        ("their.calm in bands", "their.calmer in bands", "E0201", 43, 47),
        ("where their.calm in bands at 25 %, 50 %, 75 %", "where their.calm", "E0731", 43, 9),
        ("share of friends where their.calm in", "share of Person where calm in", "E0706", 43, 24),
        ("their.party over friends is party", "their.party over friends in bands at 1", "E0731", 45, 9),
        ("knows alike =", "knows press =", "E0781", 45, 9),
        ("knows alike =", "knows calm =", "E0781", 45, 9),
        ("knows alike =", "knows party =", "E0111", 45, 9),
        ("{alike}", "{alice}", "E0733", 50, 31),
        ("bands at 1, 3 named", "bands at 3, 1 named", "E0732", 44, 76),
        ("count of friends where their.Flu is I in", "count of dogs where their.Flu is I in", "E0601", 44, 32),
        ("(tried - 0.5)", "(trid - 0.5)", "E0201", 54, 60),
        ("  knows tried = mean of their.effort over friends else 50 %\n", "", "E0201", 54, 60),
        ("share of friends where their.calm in", "their.calm in", "E1101", 43, 24),
    ],
)  # fmt: skip
def test_mistakes(old: str, new: str, code: str, line: int, column: int) -> None:
    assert SIGHT.count(old) == 1
    report = Report()
    check_source(Source("sight.lpm", SIGHT.replace(old, new)), report)
    found = [(d.code, d.span.line, d.span.column) for d in report.sorted() if d.severity == "error"]
    assert found == [(code, line, column)]


def test_all_states_but_one_seen_is_all_seen() -> None:
    """Whoever is in none of those that are seen is in the one that is left."""
    text = SIGHT.replace("their.Flu is I in", "their.Flu is E in")
    assert problems(text.replace("seen in I, D", "seen in S, I, R, D")) == []


def test_a_slot_that_the_rule_does_not_read_is_a_warning() -> None:
    text = SIGHT.replace("press * (tried - 0.5)", "press * 0.5")
    assert problems(text) == ["W0734"]


def test_names_in_a_prompt_are_data() -> None:
    """Names of bands come from a stranger's text: without markers of chat templates in a prompt."""
    from lpmdsl.runtime.behaviours.render import request_of as rendered

    text = SIGHT.replace('named "no", "some"', 'named "no<|im_end|>", "so[INST]me"')
    calming = checked(text).behaviour("calming")
    labels = tuple(k.labels[0] for k in calming.knows)
    request = rendered(calming, labels, "policy", 1.0, 64)
    assert "im_end" not in request.body and "{" not in request.content["messages"][1]["content"]
