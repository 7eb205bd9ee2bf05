"""Families of parameters: pieces of time and values by label, by hand, on every back end, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lpmdsl
from compiler_tests.support.agreement import agreed, checked, first_error, formatted, found
from lpmdsl.compiler import relaxed_programs
from lpmdsl.config import RunOptions
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.runtime.scenarios import plan
from lpmdsl.runtime.settings import setting_values
from lpmdsl.semantics.model import Model

TEXT = """\
model families version 1.0

clock
  step 12 hours
  from 2024-10-01 for 20 days

parameter beta every 6 days = 0.5 per day ~ random_walk(spread 1.2)
  2 0.3 per day
  4 0.9 per day
  prior lognormal(median 0.5 per day, spread 2)
  between 0 per day and 2 per day

parameter sick by borough = 20 %
  "Staten Island" 100 %
  prior uniform(0 %, 100 %)

parameter care every 10 days by borough, vaccinated = 2 days
  2 Bronx yes 1 day

parameter odds by Flu = 1
  I 3

agent Person count 400
  borough category one of Bronx, Queens, "Staten Island" ~ categorical(Bronx 40 %, Queens 40 %, "Staten Island" 20 %)
  vaccinated yes/no ~ bernoulli(50 %)

network town joins Person at random

condition Flu of Person
  states S, I, H, R
  start S except 40 Person in I
  from S by contagion to I
  from I after gamma(mean 5 days, sd 2 days)
    to H with probability sick
    to R otherwise
  from H at rate 1 / care to R

contagion of Flu
  from I on town at beta
  target scaled by sick / sick[Bronx]

observe cases = number entering I per day
observe rate = beta every 12 hours
observe second = beta[2] + 0 * beta every 12 hours
observe sick_share = mean of sick over Person every day
observe sick_odds = mean of odds over Person where Flu is I else 0 every day
observe longest = max of care over Person every day

scenario lower
  change beta[2] to 0.1 per day
  change sick["Staten Island"] to 50 %

scenario halved
  change beta to 0.5 * beta
  change sick to sick / 2

intervention closing
  starts after 15 days
  while active
    change sick to sick / 10
"""


def test_every_piece_holds_in_its_time_and_every_label_for_its_agents() -> None:
    seen = {name: np.ravel(values) for name, values in agreed(TEXT, steps=40).observations.items()}
    assert list(seen["rate"]) == [0.5] * 12 + [0.3] * 12 + [0.5] * 12 + [0.9] * 5
    assert set(seen["second"]) == {0.3}
    before, after = seen["sick_share"][:15], seen["sick_share"][17:]
    assert before == pytest.approx([before[0]] * 15) and after == pytest.approx([before[0] / 10] * len(after))
    staten = (before[0] - 0.2) / 0.8
    assert abs(staten * 400 - round(staten * 400)) < 1e-9 and 50 < staten * 400 < 110
    assert set(np.round(seen["sick_odds"], 12)) <= {0.0, 3.0} and 3.0 in np.round(seen["sick_odds"], 12)
    assert set(seen["longest"]) == {2.0}


def test_a_month_is_one_of_the_calendar() -> None:
    text = TEXT.replace("for 20 days", "to 2025-01-03").replace("2 Bronx yes 1 day", "2 Bronx yes 9 days")
    text = text.replace("every 10 days", "every month")
    seen = np.ravel(agreed(text, 60).observations["longest"])
    assert list(seen) == [2.0] * 31 + [9.0] * 30 + [2.0] * (len(seen) - 61)
    assert [p.name for p in checked(text).parameters if p.name.startswith("care[4, Q")] == [
        "care[4, Queens, no]", "care[4, Queens, yes]"]  # fmt: skip


def test_it_is_formatted_as_it_is_written() -> None:
    assert formatted(TEXT) == TEXT


def test_a_walk_is_a_prior_about_the_piece_before() -> None:
    priors = {p.name: p.prior for p in checked(TEXT).parameters if p.family == "beta"}
    assert [p.family for p in priors.values() if p is not None] == ["lognormal"] * 4
    assert [getattr(p.argument("median"), "name", "") for p in priors.values() if p is not None] == [
        "", "beta[1]", "beta[2]", "beta[3]"]  # fmt: skip


def test_the_relaxation_follows_a_family() -> None:
    text = TEXT.split("intervention closing")[0].replace("max of care", "mean of care")
    assert all(program.kernels for program in relaxed_programs(checked(text)))


def _values(model: Model, settings: dict[str, str | float], scenario: str = "baseline") -> dict[str, float]:
    return plan(model, RunOptions(settings=settings, scenarios=(scenario,))).variants[0].parameters


def test_scenarios_and_settings_change_parts_and_whole_families() -> None:
    model = checked(TEXT)
    beta = [f"beta[{k}]" for k in (1, 2, 3, 4)]
    assert [_values(model, {})[b] for b in beta] == [0.5, 0.3, 0.5, 0.9]
    assert [_values(model, {}, "lower")[b] for b in beta] == [0.5, 0.1, 0.5, 0.9]
    assert [_values(model, {}, "halved")[b] for b in beta] == [0.25, 0.15, 0.25, 0.45]
    assert [_values(model, {"beta[2]": "0.7 per day"})[b] for b in beta] == [0.5, 0.7, 0.5, 0.9]
    assert [_values(model, {"beta": "0.7 per day", "beta[3]": 0.1})[b] for b in beta] == [0.7, 0.7, 0.1, 0.7]
    assert _values(model, {}, "lower")["sick[Staten Island]"] == 0.5
    assert _values(model, {"sick": "10 %"}, "halved")["sick[Queens]"] == 0.05


@pytest.mark.parametrize(
    ("setting", "code", "column"),
    [
        ({"beta[9]": "1 per day"}, "E0803", 1),
        ({"beta[2]": "1"}, "E0301", 9),
        ({"beta[2]": "9 per day"}, "E0805", 9),
        ({"beta[2]": "?"}, "E0101", 9),
        ({"sick": "150 %"}, "E0805", 6),
    ],
)
def test_a_wrong_setting_is_told_where_it_stands(setting: dict[str, str | float], code: str, column: int) -> None:
    report = Report()
    setting_values(checked(TEXT), setting, report)
    assert [(d.code, d.span.column) for d in report.sorted()] == [(code, column)]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column", "words"),
    [
        ("parameter sick by borough", "parameter sick", "E0930", 14, 3, "by ATTRIBUTE"),
        (" every 6 days", "", "E0930", 7, 32, "every 4 weeks"),
        ("  2 0.3 per day", "  7 0.3 per day", "E0931", 8, 3, "1, 2, 3, 4"),
        ("  4 0.9 per day", "  2 0.9 per day", "E0931", 9, 3, "two values"),
        ("  2 Bronx yes 1 day", "  2 Bronx 1 day", "E0931", 18, 3, "`vaccinated`"),
        ("  2 Bronx yes 1 day", "  2 Brons yes 1 day", "E0931", 18, 5, "Did you mean `Bronx`?"),
        ("change beta[2] to", "change beta[5] to", "E0931", 50, 15, "`beta[4]`"),
        ("change beta[2] to", "change beta[2, 3] to", "E0931", 50, 15, "`beta[4]`"),
        ("beta[2] + 0 * beta", "beta[5]", "E0412", 44, 23, "1, 2, 3, 4"),
        ("observe rate = beta", "observe rate = sick", "E0932", 43, 16, "`sick[Bronx]`"),
        ("gamma(mean 5 days, sd 2 days)", "gamma(mean 5 days / sick[Bronks], sd 2 days)", "E0307", 33, 41, "Bronx"),
        ("every 6 days", "every hour", "E0705", 7, 22, "shorter than a step"),
        ("by borough = 20 %", "by burough = 20 %", "E0201", 13, 19, "Did you mean `borough`?"),
        ("~ random_walk(spread 1.2)", "~ normal(0.5 per day, 1 per day)", "E0935", 7, 45, "random_walk"),
        ("random_walk(spread 1.2)", "random_walk(1.2)", "E0935", 7, 45, "`spread`"),
        ("random_walk(spread 1.2)", "random_walk(sd 1.2)", "E0301", 7, 60, "per day"),
        ("by borough = 20 %", "by borough = 20 % ~ random_walk(sd 1 %)", "E0935", 13, 36, "no steps"),
        ("  2 0.3 per day", "  2 0.3", "E0301", 8, 5, "per day"),
        ("  4 0.9 per day", "  4 2.9 per day", "E0317", 9, 5, "`beta[4]`"),
        ('"Staten Island"', '"a/b"', "E0934", 13, 19, "`a/b`"),
        ("every 6 days", "every 12 hours", "", 0, 0, ""),
    ],
)
def test_what_is_no_family_is_refused(old: str, new: str, code: str, line: int, column: int, words: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new) if "Island" in old else TEXT.replace(old, new, 1)
    if not code:
        assert not [d for d in found(text) if d.code.startswith("E")]
        return
    told = first_error(text)
    assert (told.code, told.span.line, told.span.column) == (code, line, column), told
    assert words in told.message + told.help, told


def test_too_many_parts_are_refused() -> None:
    told = first_error(TEXT.replace("every 6 days", "every 12 hours by borough").replace("for 20 days", "for 200 days"))
    assert (told.code, told.span.line, told.span.column) == ("E0931", 8, 3)
    text = TEXT.replace("  2 0.3 per day\n  4 0.9 per day\n", "").replace("for 20 days", "for 400 days")
    told = first_error(text.replace("every 6 days", "every 12 hours"))
    assert (told.code, told.span.line, told.span.column) == ("E0933", 7, 22)


def test_a_change_out_of_bounds_is_told_of_its_part() -> None:
    told = first_error(TEXT.replace("0.5 * beta", "beta * 3"))
    assert (told.code, told.span.line, told.span.column) == ("E0317", 54, 18) and "`beta[4]`" in told.message
    with pytest.raises(LpmError, match=r"`beta\[1\]` 2.28"):
        _values(checked(TEXT.replace("0.5 * beta", "1.2 * beta")), {"beta[1]": 1.9}, "halved")


def test_a_family_is_all_its_parts_to_torch() -> None:
    """Weekly values from a network: the gradient by its last bias is a difference of the whole, 1 in 10⁶."""
    text = TEXT.split("intervention closing")[0].replace("max of care", "mean of care")
    model = lpmdsl.load(text)
    run = model.simulator("cases", ["beta"], replicates=4, estimator="relaxation")
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).double()
    known = torch.linspace(-1, 1, 4, dtype=torch.float64)[:, None]

    def total(moved: float = 0.0) -> torch.Tensor:
        return run(torch.exp(network(known) - 1 + moved)[:, 0]).sum()

    total().backward()
    found = network[2].bias.grad
    assert found is not None
    assert float(found[0]) == pytest.approx(float(total(1e-4) - total(-1e-4)) / 2e-4, rel=1e-6)
    with pytest.raises(LpmError, match="E0803"):
        model.simulator("cases", ["betta"])
