"""Rows of tables of shares as branches of an exit and as what a rule draws: exact chains, all ways alike, messages."""

from __future__ import annotations

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.four_ways import same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.population.people import build_world
from lpmdsl.runtime.gradients.relaxed.forward_backward import Relaxations
from lpmdsl.semantics.host.evaluate import parameter_values
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """model chain version 1.0

clock
  step 1 day
  for 20 days

parameter pace = 0.5 per day

table next by Health, Health of share
  Well Well 70 %
  Well Ill 25 %
  Well Dead 5 %
  Ill Well 40 %
  Ill Ill 40 %
  Ill Dead 20 %
  Dead Well 0 %
  Dead Ill 0 %
  Dead Dead 100 %

table fate by old, Health of share
  no Well 80 %
  no Ill 20 %
  no Dead 0 %
  yes Well 10 %
  yes Ill 30 %
  yes Dead 60 %

table move by home, home of share
  a a 80 %
  a b 15 %
  a c 5 %
  b a 10 %
  b b 90 %
  b c 0 %
  c a 0 %
  c b 30 %
  c c 70 %

table sizes of share
  1 20 %
  4 50 %
  9 30 %

agent Person count 20_000
  home category ~ categorical(c 50 %, b 30 %, a 20 %)
  old yes/no ~ bernoulli(30 %)
  size number = 0

rule go of Person
  set home ~ move[home]
  set size ~ sizes

condition Health of Person
  states Well, Ill, Dead
  start Well
  from Well, Ill {exit}

observe in_a = count of Person where home is a every day
observe in_b = count of Person where home is b every day
observe ones = count of Person where size is 1 every day
observe fours = count of Person where size is 4 every day
observe well = count of Person where Health is Well every day
observe ill = count of Person where Health is Ill every day
observe dead = count of Person where Health is Dead every day
observe dying_old = number entering Dead per day by old
"""
CHAIN = np.array([[0.70, 0.25, 0.05], [0.4, 0.4, 0.2], [0, 0, 1]])
MOVE = np.array([[0.80, 0.15, 0.05], [0.1, 0.9, 0], [0, 0.3, 0.7]])
EVERY_DAY = "after fixed(1 day) to one of next[Health]"


def within(found: np.ndarray, chance: float | np.ndarray, people: float, name: str) -> None:
    """A binomial count, |z| < 4; what cannot be otherwise is exactly so."""
    sd = np.sqrt(people * chance * (1 - chance))
    assert np.all(np.abs(found - people * chance) <= 4 * sd + 1e-9), name


@pytest.mark.parametrize("exit", [EVERY_DAY, "with probability 100 % every day to one of next[Health]"])
def test_a_chain_is_in_its_states_as_powers_of_its_matrix_say(exit: str) -> None:
    result = same_four_ways(lpmdsl.load(TEXT.format(exit=exit)).model, None)
    state = np.array([1.0, 0, 0])
    for day in range(21):
        for k, name in enumerate(("well", "ill", "dead")):
            within(result.observations[name].ravel()[day], state[k], 20_000, f"{name} on day {day}")
        state = state @ CHAIN


def test_a_rule_draws_by_rows() -> None:
    """The labels of the attribute come in another order than those of the table; of numbers each is one of the list."""
    result = same_four_ways(lpmdsl.load(TEXT.format(exit=EVERY_DAY)).model, None)
    home = np.array([0.2, 0.3, 0.5])
    for day in range(1, 21):
        home = home @ MOVE
        for k, name in enumerate(("in_a", "in_b")):
            within(result.observations[name].ravel()[day], home[k], 20_000, f"{name} on day {day}")
        within(result.observations["ones"].ravel()[day], 0.2, 20_000, "ones")
        within(result.observations["fours"].ravel()[day], 0.5, 20_000, "fours")


@pytest.mark.parametrize("trigger", ["at rate pace", "when old or time > 3 days", "after exponential(mean 2 days)"])
def test_rows_may_be_of_attributes(trigger: str) -> None:
    """Nobody goes where the row has no share: of the young nobody dies."""
    text = TEXT.format(exit=f"{trigger} to one of fate[old]").replace("from Well, Ill", "from Well")
    if trigger.startswith("when"):
        text = text.replace("Well 80 %", "Well 0 %").replace("no Ill 20 %", "no Ill 100 %")
        text = text.replace("yes Well 10 %", "yes Well 0 %").replace("yes Ill 30 %", "yes Ill 40 %")
    dying = same_four_ways(lpmdsl.load(text).model, None).observations["dying_old"].sum(axis=0)
    assert dying[0] == 0 and dying[1] > 2_000


def test_rows_that_are_rounded_share_out_the_rest() -> None:
    """33.3 % each of three, and a last state with none: to it nobody goes."""
    text = TEXT.format(exit="after fixed(1 day) to one of fate[old]").replace("Well, Ill after", "Well after")
    text = text.replace("no Well 80 %", "no Well 49.95 %").replace("no Ill 20 %", "no Ill 49.97 %")
    dying = same_four_ways(lpmdsl.load(text).model, None).observations["dying_old"].sum(axis=0)
    assert dying[0] == 0 and dying[1] > 2_000


def test_a_gpu_takes_rows_alike() -> None:
    same_on_gpu(lpmdsl.load(TEXT.format(exit=EVERY_DAY)).model, 100, steps=5)


def test_the_relaxation_takes_rows_and_their_slope() -> None:
    """Mean of the dead by the matrix exponential of pace·(P − 1), and its slope by two more of them (1e-3 apart)."""
    from scipy.linalg import expm

    text = TEXT.format(exit="at rate pace to one of next[Health]")
    text = text.replace(text[text.index("rule go") : text.index("condition")], "").replace("count 20_000", "count 1")
    model = lpmdsl.load(text).model
    values = parameter_values(model)

    def dead(pace: float) -> float:
        given = parameter_values(model, values | {"pace": pace})
        run = Relaxations(model).run(build_world(model, given, 1, {}), given, model.clock.steps)
        return float(run.reports("dead").ravel()[-1])

    def exact(pace: float) -> float:
        return float(expm(pace * 20 * (CHAIN - np.eye(3)))[0, 2])

    assert dead(0.05) == pytest.approx(exact(0.05), rel=0.03)
    slope = (dead(0.0505) - dead(0.0495)) / 0.001
    assert slope == pytest.approx((exact(0.0505) - exact(0.0495)) / 0.001, rel=0.05)


def test_a_row_leads_to_no_state_without_a_share() -> None:
    """Of the model only branches that somebody can take are left, each from its own row."""
    (condition,) = lpmdsl.load(TEXT.format(exit=EVERY_DAY).replace("Well Dead 5 %", "Well Dead 0 %").replace(
        "Well Well 70", "Well Well 75")).model.conditions  # fmt: skip
    assert [[b.to for b in e.branches] for e in condition.exits] == [[0, 1], [0, 1, 2]]
    assert [b.probability is None for b in condition.exits[1].branches] == [False, False, True]


def test_a_list_of_states_stands_by_its_name() -> None:
    text = TEXT.format(exit="after fixed(1 day) to one of arrivals")
    arrivals = "table arrivals of share\n  Ill 40 %\n  Dead 60 %\n\n"
    text = text.replace("agent Person", arrivals + "agent Person").replace("Well, Ill after", "Well after")
    result = same_four_ways(lpmdsl.load(text).model, None)
    within(result.observations["ill"].ravel()[1], 0.4, 20_000, "ill")
    assert result.observations["well"].ravel()[1] == 0


def test_an_exit_reads_as_it_is_written() -> None:
    for how in ("next[Health]", "fate[old]", "arrivals"):
        text = f"condition C of P\n  states A, B\n  start A\n  from A, B after fixed(1 day) to one of {how}\n"
        report = Report()
        assert format_module(parse(Source("m.lpm", text.replace("to one", "to   one")), report)) == text
        assert {d.code for d in report.diagnostics} == {"E0108"}, "but for the header that is not there"


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "word"),
    [
        (EVERY_DAY, "after fixed(1 day) to one of nexxt[Health]", "E0201", (56, 47), "Did you mean `next`?"),
        (EVERY_DAY, "after fixed(1 day) to one of fate", "E1130", (56, 47), "nothing stands in brackets"),
        (EVERY_DAY, "after fixed(1 day) to one of fate[old, old]", "E1130", (56, 47), "2 stand in brackets"),
        (EVERY_DAY, "after fixed(1 day) to one of move[home]", "E1130", (56, 47), "`c` is no state"),
        (EVERY_DAY, "after fixed(1 day) to one of fate[home]", "E0412", (56, 52), "by old"),
        (EVERY_DAY, "when old to one of next[Health]", "E0506", (56, 3), "again and again"),
        (EVERY_DAY, EVERY_DAY + " otherwise", "E0101", (56, 60), ""),
        ("Well Ill 25 %", "Well Ill 24 %", "E0405", (56, 47), "`Well` add up to 99 %"),
        ("next by Health, Health of share", "next by Health, Health of number", "E0404", (10, 13), "table"),
        ("move by home, home of share", "move by home, home of probability", "", (0, 0), ""),
        ("a a 80 %", "a a 90 %", "E0405", (50, 14), "`a` add up to 110 %"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, code: str, at: tuple[int, int], word: str) -> None:
    text = TEXT.format(exit=EVERY_DAY)
    assert old in text
    if not code:
        lpmdsl.load(text.replace(old, new))
        return
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text.replace(old, new))
    errors = [d for d in raised.value.report.sorted() if d.severity == "error"]
    assert (errors[0].code, errors[0].span.line, errors[0].span.column) == (code, *at), errors
    assert word in f"{errors[0].message} {errors[0].help}", errors
