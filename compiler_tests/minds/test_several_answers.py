"""Several answers of one ask: one call, one object, a draw for each; the same on every back end; kept and replayed."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.example_models.behaviour_models import ONE, answering, checked, problems
from compiler_tests.example_models.language_models import asked, everyone
from compiler_tests.minds.crowds import SEVERAL
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, request_of, runner
from compiler_tests.support.four_ways import same_four_ways
from compiler_tests.support.llm_servers import Handler, proxied
from lpmdsl.backends.request import Archetype
from lpmdsl.compiler import check_source
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.interchange import from_json, to_json
from lpmdsl.runtime.behaviour_costs import cost_of
from lpmdsl.runtime.behaviours.jsonl import export_lines, import_lines
from lpmdsl.runtime.behaviours.ledger import open_ledger
from lpmdsl.runtime.behaviours.render import request_of as rendered
from lpmdsl.runtime.behaviours.replies import Invalid, reply_values
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.runtime.scenarios import plan
from lpmdsl.semantics.analysis.archetypes import asking, most_archetypes, resting
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

Z = 3.0
MODELS = Path(__file__).parent.parent.parent / "models"

# ------------------------------------------------------------------ one meaning on every back end


@pytest.mark.parametrize("seed", [1, 2])
def test_four_ways_agree(seed: int) -> None:
    result = same_four_ways(checked(SEVERAL), 1_000, seed)
    last = {name: values[-1, 0] for name, values in result.observations.items()}
    assert 100 < last["careful_ones"] < 900 and 100 < last["tense_ones"] < 900
    assert 10 < last["trusting"] < 90 and 0.2 < last["efforts"] < 0.8
    assert last["in_cars"] == 0, "by car is none of the answers"
    assert 100 < last["on_foot"] < 900


def test_the_gpu_gives_the_counts_of_the_cpu() -> None:
    made = compiled(checked(SEVERAL))
    requests = [request_of(made.model, 300, 5, replicate=r) for r in range(2)]
    for request, result in zip(requests, gpu_runner(made, Tiling(128))(requests, None), strict=True):
        assert_same(cpu_run(made)(request), result)


def test_texts_go_round() -> None:
    assert format_module(parse(Source("several.lpm", SEVERAL), Report())) == SEVERAL
    model = checked(SEVERAL)
    assert from_json(to_json(model)) == model


# ------------------------------------------------------------------ the law of each

PAIR = """\
behaviour caring of Person
  decides yes/no into careful
  decides category one of car, feet into mode
  decides whole number from 0 to 4 into score
  every day
  asks 5 times per archetype
    "Careful? How do you go? Which score?"
  otherwise 10 %, car, 2
"""
BOTH = ONE.replace("  kept share = 100 %\n", "  kept share = 100 %\n  score number = 2\n") + (
    "\nobserve score_now = mean of score over Person\n"
    "observe both = count of Person where careful and mode is feet\n"
    "observe top = count of Person where score > 3.5\n"
)


def test_each_draws_for_itself() -> None:
    """30 % say yes and 60 % go on foot, apart: 18 % do both; scores 0 to 4 are equally often, their mean is 2.

    Each to 3 standard errors on two days of 20 000 people.
    """
    model = checked(BOTH.replace("DAYS", "2").replace("BEHAVIOUR", PAIR))

    def ask(name: str, step: int, who: tuple[Archetype, ...]) -> np.ndarray:
        told = {"careful": [0.7, 0.3], "mode": [0.0, 0.4, 0.6], "score": [0.0, 1.0, 2.0, 3.0, 4.0]}
        return np.array([told[model.behaviour(name).into]] * len(who))

    request = replace(request_of(model, 20_000), ask=ask)
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    for name, p in (("said_yes", 0.3), ("on_foot", 0.6), ("both", 0.18), ("top", 0.2), ("in_cars", 0.4)):
        z = (result.observations[name][1:, 0] / 20_000 - p) / math.sqrt(p * (1 - p) / 20_000)
        assert np.abs(z).max() < Z, name
    z = (result.observations["score_now"][1:, 0] - 2) / math.sqrt(2 / 20_000)
    assert 0 < np.abs(z).max() < Z


def test_numbers_by_a_rule_are_rounded_and_held() -> None:
    text = BOTH.replace("DAYS", "2").replace("BEHAVIOUR", "BEHAVIOUR\n" + (
        "behaviour scoring of Person\n  decides whole number from 0 to 4 into score by rule 20 * careful_part - 1.4\n"
        "  every day\n  knows careful_part\n\nobserve careful_part = share of Person where careful every day\n"
    ))  # fmt: skip
    model = checked(text.replace("BEHAVIOUR\n", "").replace("bernoulli(1 %)", "bernoulli(20 %)"))
    result = same_four_ways(model, 1_000)
    assert set(np.round(result.observations["score_now"][1:, 0], 12)) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert result.observations["score_now"][1, 0] == math.floor(20 * result.observations["said_yes"][0, 0] / 1000 - 0.9)


# ------------------------------------------------------------------ one call, one object


def test_one_schema_for_all() -> None:
    feeling = checked(SEVERAL).behaviour("feeling")
    content = rendered(feeling, tuple(k.labels[0] for k in feeling.knows), "m", 1.0, 64).content
    assert content["schema"] == {
        "additionalProperties": False,
        "properties": {
            "careful": {"enum": ["easy", "wary"], "type": "string"},
            "trust": {"maximum": 90, "minimum": 10, "type": "integer"},
            "effort": {"maximum": 80, "minimum": 20, "type": "integer"},
        },
        "required": ["careful", "trust", "effort"],
        "type": "object",
    }
    assert content["settings"]["max_tokens"] == 3 * 64


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"careful": "wary", "trust": 40, "effort": 30}', (1.0, 40.0, 0.3)),
        ('{"effort": 80, "trust": 10, "careful": "easy"}', (0.0, 10.0, 0.8)),
        ('{"careful": "wary", "trust": 9, "effort": 30}', None),
        ('{"careful": "wary", "trust": 91, "effort": 30}', None),
        ('{"careful": "wary", "trust": 40.0, "effort": 30}', None),
        ('{"careful": "wary", "trust": true, "effort": 30}', None),
        ('{"careful": "wary", "trust": "40", "effort": 30}', None),
        ('{"careful": "yes", "trust": 40, "effort": 30}', None),
        ('{"careful": 1, "trust": 40, "effort": 30}', None),
        ('{"careful": "wary", "trust": 40}', None),
        ('{"careful": "wary", "trust": 40, "effort": 30, "more": 1}', None),
        ('{"careful": "wary", "careful": "easy", "trust": 40, "effort": 30}', None),
        ('["wary", 40, 30]', None),
        ("{" * 100_000, None),
        ('{"careful": "wary", "trust": ' + "9" * 5_000 + ', "effort": 30}', None),
        ('{"careful": "wary", "trust": NaN, "effort": 30}', None),
    ],
)
def test_replies_are_read_strictly(reply: str, expected: tuple[float, ...] | None) -> None:
    feeling = checked(SEVERAL).behaviour("feeling")
    request = rendered(feeling, tuple(k.labels[0] for k in feeling.knows), "m", 1.0, 64)
    if expected is not None:
        assert reply_values(request, reply) == expected
        return
    with pytest.raises(Invalid):
        reply_values(request, reply)


def test_labels_that_may_not_be_said_are_no_replies() -> None:
    going = checked(SEVERAL).behaviour("going")
    request = rendered(going, ("no", "below 40"), "m", 1.0, 64)
    assert reply_values(request, '{"mode": "feet", "mood": "tense"}') == (2.0, 1.0)
    with pytest.raises(Invalid):
        reply_values(request, '{"mode": "car", "mood": "tense"}')


def test_requests_of_one_answer_are_what_they_were() -> None:
    """The key of every request that is recorded beside a model is that of today's request with the same prompt."""
    for name in ("guess_average", "nyc_isolation", "isolation_policy"):
        lines = (MODELS / f"{name}.ledger.jsonl").read_text(encoding="utf-8").splitlines()[1:]
        requests = [json.loads(line)["request"] for line in lines]
        kept = {json.dumps(request, sort_keys=True) for request in requests}
        model = lpmdsl.load(MODELS / f"{name}.lpm").model
        made = {
            json.dumps(rendered(b, a.labels, requests[0]["model"], 1.0, 64).content, sort_keys=True)
            for b in asking(model, "baseline")
            for a in everyone(b)
        }
        assert made == kept


# ------------------------------------------------------------------ ledger, cost, what is left out


def says(handler: Handler, body: bytes) -> bool:
    """Answers both behaviours by a hash of the prompt and the seed."""
    sent = json.loads(body)
    prompt = sent["messages"][1]["content"]
    n = hashlib.sha256(f"{prompt}/{sent['seed']}".encode()).digest()
    if "How do you go" in prompt:
        said: dict[str, str | int] = {"mode": ("feet", "bus")[n[0] % 2], "mood": ("calm", "tense")[n[1] % 2]}
    else:
        said = {"careful": ("easy", "wary")[n[0] % 2], "trust": 10 + n[1] % 81, "effort": 20 + n[2] % 61}
    return handler.say(json.dumps(said))


def test_recorded_replayed_and_carried_over(tmp_path: Path) -> None:
    """One call an archetype and ask, whatever the number of answers; a replay gives the same and asks nobody."""
    model = checked(SEVERAL)
    results = []
    with proxied("", says) as proxy:
        for mode in ("record", "replay"):
            with asked(model, url=proxy.url, mode=mode, ledger=tmp_path / "l.sqlite") as answers:
                request = replace(request_of(model, 1_000), ask=answers.ask_for({}, {}))
                results.append(runner(model, "cpu", 2 if mode == "replay" else 1)(request))
                record = answers.record()
        assert proxy.calls == sum(r.archetypes * n for r, n in zip(record.each.values(), (7, 5), strict=True))
        assert set(record.each) == {"feeling", "going"} and record.each["feeling"].hits == record.each["feeling"].asks
    assert_same(results[0], results[1])
    lines = list(export_lines(open_ledger(tmp_path / "l.sqlite")))
    (tmp_path / "l.jsonl").write_text("\n".join(lines), encoding="utf-8")
    again = open_ledger(None)
    import_lines(again, tmp_path / "l.jsonl")
    assert list(export_lines(again)) == lines


def test_what_falls_back_falls_back_on_each(tmp_path: Path) -> None:
    """Whoever has no ill friend gets no reply: careful with 10 %, trust 50, effort 50 %; the others as they are."""

    def fails(handler: Handler, body: bytes) -> bool:
        return handler.say("{}") if "below 1 of your friends" in body.decode() else says(handler, body)

    model = checked(SEVERAL.replace("10 %, 50, 50 %\n", "10 %, 50, 50 %\n  at most 100 % fallbacks\n"))
    feeling, told = model.behaviour("feeling"), [model.behaviour(f"feeling_{x}_1") for x in ("trust", "effort")]
    who = everyone(feeling)
    with proxied("", fails) as proxy, asked(model, url=proxy.url) as answers:
        ask = answers.ask_for({}, {})
        tables = [ask(b.name, 0, who) for b in (feeling, *told)]
        record = answers.record().each["feeling"]
    without = [a.labels[1] == "below 1" for a in who]
    assert record.fallbacks == 7 * sum(without) == 21 and record.asks == 7 * 9
    assert np.allclose(tables[0][without], [0.9, 0.1]) and (tables[1][without] == 50).all()
    assert (tables[2][without] == 0.5).all() and not (tables[1][~np.array(without)] == 50).all()


def test_a_damaged_ledger_is_said(tmp_path: Path) -> None:
    model = checked(SEVERAL)
    with (
        proxied("", says) as proxy,
        asked(model, url=proxy.url, mode="record", ledger=tmp_path / "l.sqlite") as answers,
    ):
        answers.values(model.behaviour("feeling"), everyone(model.behaviour("feeling")))
    lines = "\n".join(export_lines(open_ledger(tmp_path / "l.sqlite")))
    (tmp_path / "l.jsonl").write_text(lines.replace('\\"trust\\": ', '\\"trust\\": 1000', 1), encoding="utf-8")
    with asked(model, mode="replay", ledger=tmp_path / "l.jsonl") as answers, pytest.raises(LpmError) as error:
        answers.values(model.behaviour("feeling"), everyone(model.behaviour("feeling")))
    assert error.value.report.diagnostics[0].code == "E0857"


def test_the_cost_is_one_call_for_all_answers() -> None:
    model = checked(SEVERAL + "\ncheck calls of feeling at most 100\n")
    cost = cost_of(model, plan(model, RunOptions(agents={"Person": 500})), 1.0, 1)
    assert [(p.behaviour, p.archetypes_most, p.calls_most) for p in cost.parts] == [
        ("feeling", 9, 63),
        ("going", 6, 30),
    ]
    assert cost.parts[0].reply_tokens_most == 3 * 64
    assert most_archetypes(model.behaviour("going_mood_1")) == 6


def test_answers_of_one_ask_rest_together() -> None:
    twin = "\nbehaviour heuristic of Person\n  decides share into effort by rule 30 %\n  every day\n"
    text = SEVERAL + twin + "\nscenario ruled\n  with heuristic\n\nscenario still\n  without going\n"
    model = checked(text)
    assert resting(model, "baseline") == {"heuristic"}
    assert resting(model, "ruled") == {"feeling", "feeling_trust_1", "feeling_effort_1"}
    assert resting(model, "still") == {"heuristic", "going", "going_mood_1"}
    assert [b.name for b in asking(model, "ruled")] == ["going"]
    request = request_of(model, 500, scenario="ruled")
    result = runner(model, "cpu")(request)
    assert_same(result, runner(model, "reference")(request))
    assert set(result.observations["careful_ones"][:, 0]) == {0.0}


def test_everybody_is_asked_once_for_all() -> None:
    calls: list[tuple[str, int, tuple[Archetype, ...]]] = []
    model = checked(SEVERAL)
    runner(model, "cpu")(replace(request_of(model, 500), ask=answering(model, calls)))
    first = [(name, tuple(a.code for a in who)) for name, step, who in calls if step == 0]
    assert [name for name, _ in first] == [b.name for b in model.behaviours]
    assert len({codes for name, codes in first if name.startswith("feeling")}) == 1


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ("otherwise 10 %, 50, 50 %", "otherwise 10 %, 50", "E0783", 46, 19),
        ("otherwise 10 %, 50, 50 %", "otherwise 10 %, 5, 50 %", "E0782", 46, 19),
        ("  otherwise 10 %, 50, 50 %\n", "", "E0112", 37, 11),
        ("from 10 to 90 into", "from 90 to 10 into", "E0782", 39, 35),
        ("from 10 to 90 into", "from 10 to 90.5 into", "E0782", 39, 35),
        ("from 10 to 90 into", "from 10 to 1_000_000_000 into", "E0782", 39, 35),
        ("from 10 to 90 into", "from 10 to 190 into", "E0782", 39, 11),
        ("from 10 to 90 into", "from 10 days to 90 into", "E0303", 39, 29),
        ("from 20 % to 80 %", "from 20.5 % to 80 %", "E0782", 40, 22),
        ("from 20 % to 80 %", "from 20 % to 180 %", "E0313", 40, 30),
        ("yes/no into careful as wary or easy", "yes/no from 0 to 1 into careful", "E0736", 38, 23),
        ("from 10 to 90 into trust", "from 10 to 90 into effort", "E0735", 39, 11),
        ("share from 20 % to 80 % into effort", "probability from 20 % to 80 % into effort", "E0735", 40, 11),
        ("one of feet, bus", "one of feet, tram", "E0307", 49, 33),
        ("one of feet, bus", "one of feet, feet", "E0736", 49, 33),
        ("one of feet, bus", "one of feet", "E0736", 49, 27),
        ("category into mood", "category into mode", "E0111", 50, 25),
        ("  otherwise bus, calm\n", "  otherwise bus, calm\n  remembers the last 2 decisions\n", "E0736", 57, 22),
        ("  otherwise bus, calm\n", "  otherwise bus, calm\n  shifted by 1\n", "E0736", 57, 14),
        ("asks 5 times per archetype", "asks for probabilities", "E0736", 54, 3),
        ("  otherwise bus, calm\n", '  otherwise bus, calm\n  validate against "s.csv" column a\n', "E0736", 57, 3),
        ("into mood\n", "into mood by rule calm\n", "E0736", 50, 38),
        ("whole number from 10 to 90 into", "number into", "E0735", 39, 11),
    ],
)  # fmt: skip
def test_mistakes(old: str, new: str, code: str, line: int, column: int) -> None:
    assert SEVERAL.count(old) == 1
    report = Report()
    check_source(Source("several.lpm", SEVERAL.replace(old, new)), report)
    found = [(d.code, d.span.line, d.span.column) for d in report.sorted() if d.severity == "error"]
    assert found == [(code, line, column)]


def test_made_up_names_are_nobodys() -> None:
    assert problems(SEVERAL + "\nscenario s\n  without feeling_trust_1\n") == ["E0201"]
    assert problems(SEVERAL + "\ncheck calls of feeling_trust_1 at most 3\n") == ["E0201"]
