"""Claims of the models whose answers beside them are recorded from stated rules: conformity and others."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import lpmdsl
from benchmarks import minds_stand_in as stand_in
from benchmarks.nyc_stand_in import record
from compiler_tests.support.both_backends import assert_same, compiled, cpu_run, loaded, request_of
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError
from lpmdsl.runtime.behaviour_costs import cost_of
from lpmdsl.runtime.engine.gpu.launch import Tiling
from lpmdsl.runtime.engine.gpu.run import gpu_runner
from lpmdsl.runtime.results import Results
from lpmdsl.runtime.scenarios import plan

Z = 4.5  # standard errors: of 75 shares one lies outside once in 2 000 sets, and the draws are fixed


def replies(name: str) -> list[tuple[str, list[dict]]]:
    """The prompts beside a model, with their replies."""
    lines = (stand_in.MODELS / f"{name}.ledger.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    read = [json.loads(line) for line in lines]
    return [(one["request"]["messages"][1]["content"], [json.loads(r) for r in one["replies"]]) for one in read]


def runs(name: str, scenario: str = "baseline", people: int = 5_000, seed: int = 1) -> Results:
    return lpmdsl.load(stand_in.MODELS / f"{name}.lpm").run(seed=seed, agents={"Person": people}, scenario=scenario)


def reports(found: Results, observation: str) -> np.ndarray:
    return found.observations.query(f"observation == '{observation}'")["value"].to_numpy()


def is_share(count: int, of: int, p: float) -> bool:
    return abs(count / of - p) <= Z * math.sqrt(p * (1 - p) / of)


@pytest.mark.parametrize("name", list(stand_in.RULES))
def test_the_recorded_answers_are_those_of_the_stand_in(name: str, tmp_path: Path) -> None:
    made = tmp_path / "made.jsonl"
    record(made, tmp_path, stand_in.MODELS / f"{name}.lpm", stand_in.RULES[name], stand_in.NOTE)
    assert made.read_text(encoding="utf-8") == (stand_in.MODELS / f"{name}.ledger.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(stand_in.RULES))
def test_every_way_to_run_gives_the_same_counts(name: str) -> None:
    made = compiled(loaded(stand_in.MODELS / f"{name}.lpm").model)
    same_four_ways(made.model, 300)
    request = request_of(made.model, 300)
    assert_same(cpu_run(made)(request), gpu_runner(made, Tiling(128))([request], None)[0])


# ------------------------------------------------------------------ conformity


@pytest.mark.parametrize("scenario", ["alone", "baseline"])
def test_nobody_errs_who_hears_nobody_err(scenario: str) -> None:
    wrong = reports(runs("conformity", scenario), "wrong")
    assert (wrong == 0).all() if scenario == "alone" else (np.diff(wrong[:5]) > 0).all()


def test_recorded_shares_follow_the_law() -> None:
    for prompt, said in replies("conformity"):
        nature = next(word for word in stand_in.NATURE if f"You are {word};" in prompt)
        heard = next(word for word in stand_in.HEARD if f"; {word} of eight" in prompt)
        wrong = sum(one["decision"] == "wrong" for one in said)
        assert len(said) == 200 and is_share(wrong, 200, stand_in.NATURE[nature] * stand_in.HEARD[heard])


def test_by_the_law_the_first_day_is_binomial() -> None:
    """Planted among eight are Binomial(8, 10 %), so yielding people err with 0.9 × the mean press of that many; over 20
    seeds, as neighbours share whom they hear: to 3 standard errors of their mean."""
    planted = stats.binom.pmf(np.arange(9), 8, 0.1)
    press = np.array([0, 0.2, 0.2, 0.6, 0.85, 0.85, 1, 1, 1])
    expected = 0.25 * 0.9 * float(planted @ press)
    model = lpmdsl.load(stand_in.MODELS / "conformity.lpm")
    found = [
        reports(model.run(seed=seed, agents={"Person": 5_000}, scenario="ruled", steps=1), "yielding_wrong")[1]
        for seed in range(20)
    ]
    assert abs(np.mean(found) - expected) < 3 * np.std(found, ddof=1) / math.sqrt(20)


# ------------------------------------------------------------------ anchor_clusters


def test_three_of_sixty_kinds_are_asked_for_all() -> None:
    """Their groups are those of the tempers, by which alone the rule answers; 204 archetypes at most of 1 800."""
    found = runs("anchor_clusters")
    assert found.manifest.behaviours is not None
    record = found.manifest.behaviours.each["keeping"]
    assert 120 < record.archetypes <= 204 and record.asks == record.hits == 20 * record.archetypes
    assert len(record.asked_for) == 60 and len(set(record.asked_for.values())) == 3
    alike = [kind.split(", ")[2] == by.split(", ")[2] for kind, by in record.asked_for.items()]
    assert sum(alike) >= 57
    model = lpmdsl.load(stand_in.MODELS / "anchor_clusters.lpm").model
    cost = cost_of(model, plan(model, RunOptions()), 1.0, 1)
    assert [(p.archetypes_most, p.calls_most) for p in cost.parts] == [(204, 4_080)]
    apart = found.observations.query("observation == 'keeping_apart'").groupby("group")["value"].mean()
    assert apart["bold"] < apart["even"] < apart["anxious"]


def test_shares_that_representatives_answer_follow_the_law() -> None:
    for prompt, said in replies("anchor_clusters"):
        assert len(said) == 20 and is_share(
            sum(one["decision"] == "yes" for one in said), 20, stand_in.apart_by(prompt)
        ), prompt


def test_nobody_keeps_apart_whom_nobody_asks() -> None:
    assert (reports(runs("anchor_clusters", "nobody_asked"), "keeping_apart") == 0).all()


# ------------------------------------------------------------------ s3_emotion


def test_unseen_nothing_happens() -> None:
    """Calm people who see no post stay calm and post nothing, on every day."""
    found = runs("s3_emotion", "unseen")
    assert (reports(found, "moved") == 0).all() and (reports(found, "posting") == 0).all()


def test_posts_move_people_and_moved_people_post() -> None:
    found = runs("s3_emotion")
    moved, posting = reports(found, "moved"), reports(found, "posting")
    assert (np.diff(moved[:10]) > 0).all() and (np.diff(posting[:10]) > 0).all() and (posting <= moved).all()
    assert found.manifest.behaviours is not None
    each = found.manifest.behaviours.each
    assert (each["feeling"].archetypes, each["judging"].archetypes) == (9, 3)
    assert (each["feeling"].asks, each["judging"].asks) == (180, 60), "two answers of one ask are one reply"


def test_recorded_emotions_are_steps_of_the_chain() -> None:
    chains = [(prompt, said) for prompt, said in replies("s3_emotion") if "What are you now" in prompt]
    assert len(chains) == 9
    for prompt, said in chains:
        posts = next(word for word in ("no", "some", "many") if f"you see {word} posts" in prompt)
        before = next(word for word in stand_in.EMOTIONS if f"you were {word}." in prompt)
        counts = Counter(one["decision"] for one in said)
        for emotion, p in zip(stand_in.EMOTIONS, stand_in.FEELS[posts, before], strict=True):
            assert is_share(counts[emotion], len(said), p)


# ------------------------------------------------------------------ commuting


def test_the_distance_from_the_survey_is_that_of_its_shares() -> None:
    """The largest over the ages of half the sum of absolute differences, from the file and the ledger by hand."""
    with (stand_in.MODELS / "commuting_survey.csv").open(encoding="utf-8") as file:
        survey = {(row["age_group"], row["mode"]): float(row["share"]) for row in csv.DictReader(file)}
    distances = []
    for prompt, said in replies("commuting"):
        age = next(word for word in stand_in.GOES if f"You are {word} " in prompt)
        shares = {mode: sum(one["decision"] == mode for one in said) / len(said) for mode in stand_in.MODES}
        distances.append(sum(abs(shares[mode] - survey[age, mode]) for mode in stand_in.MODES) / 2)
    found = runs("commuting")
    assert found.manifest.behaviours is not None and len(distances) == 3
    assert found.manifest.behaviours.each["commuting"].distance == pytest.approx(max(distances), abs=1e-12)
    assert max(distances) < 0.15


def test_a_survey_that_is_further_away_than_allowed_is_an_error(tmp_path: Path) -> None:
    for name in ("commuting.lpm", "commuting.ledger.jsonl", "commuting_survey.csv"):
        text = (stand_in.MODELS / name).read_text(encoding="utf-8").replace("within 15 %", "within 5 %")
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(LpmError) as error:
        lpmdsl.load(tmp_path / "commuting.lpm").run(agents={"Person": 500})
    assert [d.code for d in error.value.report.diagnostics if d.severity == "error"] == ["E0859"]


def test_people_go_as_the_answers_say() -> None:
    """Every day the share of each age that goes by bus is that of the recorded replies, to 4.5 standard errors."""
    found = runs("commuting", people=20_000)
    said = {next(w for w in stand_in.GOES if f"You are {w} " in prompt): said for prompt, said in replies("commuting")}
    by_bus = reports(found, "by_bus").reshape(-1, 3)[1:]
    width = {"young": 12 / 47, "middle": 15 / 47, "older": 20 / 47}
    for column, age in enumerate(("young", "middle", "older")):
        p = sum(one["decision"] == "bus" for one in said[age]) / 100
        assert np.abs(by_bus[:, column] - p).max() < Z * math.sqrt(p * (1 - p) / (20_000 * width[age]))
