"""``models/nyc_isolation.lpm`` and the answers beside it: complete, those of its rule, and with their effect."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lpmdsl
from benchmarks.nyc import WITHOUT, pairs
from benchmarks.nyc_stand_in import MODEL, NAME, NOTE, chance_of_isolating, reply, stand_in
from lpmdsl.backends.request import Archetype
from lpmdsl.config import LlmOptions, RunOptions
from lpmdsl.runtime.behaviour_costs import cost_of
from lpmdsl.runtime.behaviours.opening import open_answers
from lpmdsl.runtime.behaviours.render import request_of
from lpmdsl.runtime.scenarios import plan
from lpmdsl.semantics.analysis.archetypes import labels_of_code, most_archetypes, most_calls
from lpmdsl.semantics.host.evaluate import parameter_values

DEFAULTS = LlmOptions(mode="replay", model=NAME)


@pytest.fixture(scope="module")
def loaded() -> lpmdsl.LoadedModel:
    return lpmdsl.load(MODEL)


@pytest.fixture(scope="module")
def recorded() -> tuple[dict, dict[str, list[str]]]:
    """The header of the ledger, and the replies by the request."""
    header, *lines = MODEL.with_suffix(".ledger.jsonl").read_text(encoding="utf-8").splitlines()
    read = [json.loads(line) for line in lines]
    dump = {"ensure_ascii": False, "sort_keys": True, "separators": (",", ":")}
    return json.loads(header), {json.dumps(r["request"], **dump): r["replies"] for r in read}


def test_the_ledger_says_that_a_rule_answered_and_holds_every_archetype(loaded, recorded) -> None:
    header, replies = recorded
    assert header["note"] == NOTE and "not from a language model" in NOTE
    assert MODEL.with_suffix(".ledger.jsonl").stat().st_size < 2 * 2**20
    expected = {}
    for behaviour in loaded.model.behaviours:
        for code in range(most_archetypes(behaviour)):
            labels = labels_of_code(behaviour, code)
            request = request_of(behaviour, labels, NAME, DEFAULTS.temperature, DEFAULTS.max_tokens)
            prompt = request.content["messages"][-1]["content"]
            expected[request.body] = [reply(prompt, request.seed(ask)) for ask in range(behaviour.asks)]
    assert {body: [json.loads(text) for text in found] for body, found in replies.items()} == expected


def test_isolating_follows_the_rule_within_four_standard_errors(recorded) -> None:
    said, chance = [], []
    for body, replies in recorded[1].items():
        prompt = json.loads(body)["messages"][-1]["content"]
        if "isolate" in prompt:
            said.append(sum("yes" in text for text in replies))
            chance.append(chance_of_isolating(prompt))
    p = np.array(chance)
    assert len(said) == 1200 and 0.03 < p.min() < 0.1 and 0.5 < p.max() < 0.8
    assert abs(sum(said) - 20 * p.sum()) < 4 * np.sqrt(20 * (p * (1 - p)).sum())
    z = (np.array(said) - 20 * p) / np.sqrt(20 * p * (1 - p))
    assert abs((z**2).mean() - 1) < 4 * np.sqrt(2.5 / z.size), "as scattered as binomial draws are"


def test_the_stand_in_asked_as_a_server_says_what_was_recorded(loaded, recorded, tmp_path) -> None:
    with stand_in() as url:
        options = LlmOptions(mode="record", url=url, model=NAME, ledger=tmp_path / "again.sqlite")
        values = parameter_values(loaded.model)
        answers = open_answers(loaded.model, loaded.source, options, ["baseline"], values)
        assert answers is not None
        for behaviour in loaded.model.behaviours:
            codes = (0, most_archetypes(behaviour) - 1)
            answers.values(behaviour, [Archetype(c, labels_of_code(behaviour, c)) for c in codes])
        asked = dict(answers.ledger.everything())
        assert answers.record().calls == sum(2 * b.asks for b in loaded.model.behaviours)
        answers.close()
    assert len(asked) == 4
    for body, entries in asked.items():
        assert [entry.reply for entry in sorted(entries, key=lambda e: e.ask)] == recorded[1][body]


def test_it_runs_from_the_answers_beside_it_without_a_server(loaded) -> None:
    """No call, no fallback, no answer that is not there; the calls that it stands for lie within what ``cost`` says."""
    results = loaded.run(seed=2, agents={"Person": 20_000}, backend="cpu")
    llm = results.manifest.behaviours
    assert (llm.mode, llm.model, llm.note, llm.calls) == ("replay", NAME, NOTE, 0)
    for behaviour in loaded.model.behaviours:
        record = llm.each[behaviour.name]
        assert record.asks == record.hits == record.archetypes * behaviour.asks > 0
        assert record.fallbacks == 0 and record.asks <= most_calls(loaded.model, behaviour)


def test_every_number_of_calls_lies_in_the_range_of_the_dry_run(loaded) -> None:
    """Counted with all replies to be had, as a run with a language model would count them."""
    results = loaded.run(seed=1, agents={"Person": 20_000}, backend="cpu")
    planned = plan(loaded.model, RunOptions(agents={"Person": 20_000}))
    low, high = cost_of(loaded.model, planned, 1.0, 8, loaded.facts).calls_range
    counted = sum(results.manifest.behaviours.each[b.name].asks for b in loaded.model.behaviours)
    assert low <= counted <= high < 11_000


def test_the_reference_decides_alike(loaded) -> None:
    """Five weeks of incomes in bands that a state overrides, shares that change rates, reports by borough."""
    runs = [loaded.run(seed=3, agents={"Person": 3_000}, steps=36, backend=b) for b in ("cpu", "reference")]
    assert runs[0].observations.equals(runs[1].observations)
    assert runs[0].manifest.behaviours.each == runs[1].manifest.behaviours.each


def test_isolation_makes_the_second_wave_lower_and_later() -> None:
    """Three pairs; all twenty are in ``benchmarks/results/nyc_second_wave.json``."""
    for on, off in pairs(30_000, 3, seed=5):
        assert on.cases < 0.6 * off.cases and on.week > off.week


def test_the_committed_pairs_are_lower_and_later() -> None:
    path = MODEL.parent.parent / "benchmarks" / "results" / "nyc_second_wave.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    both = list(zip(record["with_isolation"], record["without"], strict=True))
    found = sum(on["cases"] < off["cases"] and on["week"] > off["week"] for on, off in both)
    assert (len(both), found) == (record["replicates"], record["lower_and_later"]) and found >= 19
    assert WITHOUT in {s.name for s in lpmdsl.load(MODEL).model.scenarios}
