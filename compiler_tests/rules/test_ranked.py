"""Blocks and rules for those with most or least of something: exact choices, lots among equals, messages.

Seeds are fixed; |z| < 3 where a mean is compared.
"""

from __future__ import annotations

import numpy as np
import pytest

from compiler_tests.support.agreement import agreed, checked, formatted, found
from compiler_tests.support.both_backends import request_of
from compiler_tests.support.four_ways import same_four_ways
from lpmdsl.diagnostics import LpmError

MODEL = """model ranked

clock
  step 1 day
  for {steps} days

agent Person count {count}
  age duration ~ uniform(0 years, 90 years)
  worth number ~ normal(mean 0, sd 1)
  group number ~ categorical_of_five
  dosed yes/no = no
  reached number = 0

network friends joins Person as erdos_renyi(degree 4)
{blocks}

observe doses = sum of reached over Person every day
observe age_of_dosed = sum of age / 1 day over Person where dosed every day
observe worth_of_dosed = sum of worth over Person where dosed every day
observe low = sum of reached over Person where group < 0.5 every day
observe middle = sum of reached over Person where group > 0.5 and group < 1.5 every day
observe high = sum of reached over Person where group > 1.5 every day
""".replace("group number ~ categorical_of_five", "luck number ~ uniform(0, 3)\n  group number = floor(luck)")
BLOCK = "\nintervention dose\n  starts after 1 day\n  every day {line}\n    set dosed to yes\n    add 1 to reached\n"
LINES = {
    "rule": "\nrule dose of Person\n  every day after 1 day {line}\n  set dosed to yes\n  add 1 to reached\n",
    "block": BLOCK,
    "paragraphs": BLOCK.replace("    set dosed", "    always\n    set dosed"),
}


def text_of(line: str, how: str = "rule", count: int = 60, steps: int = 2) -> str:
    """A model that doses some from day 1 on."""
    return MODEL.format(blocks=LINES[how].format(line=line), count=count, steps=steps)


def seen(text: str) -> dict[str, np.ndarray]:
    """Observations on which all ways of running agree."""
    return {name: np.asarray(v).ravel() for name, v in agreed(text, agents=None).observations.items()}


def people(text: str, name: str) -> np.ndarray:
    """What everybody has of an attribute when the run begins."""
    return request_of(checked(text), None, 3).world.attributes["Person", name]


@pytest.mark.parametrize("how", LINES)
@pytest.mark.parametrize(("rank", "name", "sign"), [
    ("highest age", "age", 1), ("lowest age", "age", -1), ("highest worth", "worth", 1), ("lowest worth", "worth", -1),
])  # fmt: skip
def test_the_first_ten_by_rank_are_taken(how: str, rank: str, name: str, sign: int) -> None:
    text = text_of(f"for at most 10 Person {rank}", how)
    first = np.sort(sign * people(text, name))[::-1][:10].sum() * sign
    result = seen(text)
    assert result["doses"].tolist() == [0, 0, 10]
    assert result[f"{name}_of_dosed"][2] == pytest.approx(first, rel=1e-12)


def test_those_who_do_not_qualify_are_passed_over() -> None:
    text = text_of("for at most 10 Person where not dosed highest age", steps=4)
    ages = np.sort(people(text, "age"))[::-1]
    result = seen(text)
    assert result["doses"].tolist() == [0, 0, 10, 20, 30]
    assert result["age_of_dosed"][4] == pytest.approx(ages[:30].sum(), rel=1e-12)


def test_fewer_than_there_is_room_for_are_all_taken() -> None:
    text = text_of("for at most 100 Person where age > 45 years highest age")
    assert seen(text)["doses"][2] == (people(text, "age") > 45 * 365).sum()


def test_none_are_taken_where_there_is_room_for_none() -> None:
    assert (
        seen(text_of("for at most 0.4 * 1 Person highest age").replace("0.4 * 1 Person", "0 Person"))["doses"][2] == 0
    )


def test_equals_are_taken_by_lot() -> None:
    """Of three groups of about a third the best is taken whole, of the next as many as there is room for."""
    text = text_of("for at most 1_500 Person highest group", count=3_000, steps=3)
    result = same_four_ways(checked(text), None, 3)
    low, middle, high = (np.asarray(result.observations[n]).ravel() for n in ("low", "middle", "high"))
    group = np.floor(people(text, "luck"))
    best = (group == 2).sum()
    assert (low[2], middle[2], high[2]) == (0, 1_500 - best, best)
    assert (low[3], middle[3], high[3]) == (0, 2 * (1_500 - best), 2 * best)
    worth = people(text, "worth")
    mean, sd = worth[group == 1].mean(), worth[group == 1].std()
    taken = 1_500 - best
    drawn = float(np.asarray(result.observations["worth_of_dosed"]).ravel()[2]) - worth[group == 2].sum()
    rest = (group == 1).sum()
    spread = sd * (taken * (rest - taken) / (rest - 1)) ** 0.5
    assert abs(drawn - taken * mean) < 3 * spread


def test_another_day_is_another_lot() -> None:
    text = text_of("for at most 20 Person highest 0 * group", count=60, steps=3)
    result = seen(text)
    assert result["doses"].tolist() == [0, 0, 20, 40]
    dosed = np.asarray(agreed(text, agents=None).observations["worth_of_dosed"]).ravel()
    assert dosed[3] != dosed[2], "others than on the day before are among them"


def test_what_is_seen_of_neighbours_can_rank() -> None:
    text = text_of("for at most 10 Person highest sum of their.worth over friends")
    result = seen(text)
    assert result["doses"][2] == 10


def test_who_has_no_number_is_not_taken() -> None:
    text = text_of("for at most 50 Person lowest log(worth)")
    assert seen(text)["doses"][2] == min(50, (people(text, "worth") >= 0).sum())


def test_a_shared_limit_takes_by_rank() -> None:
    blocks = """
intervention dose
  starts after 1 day
  at most 12 Person together every day
  every day for at most 8 Person highest age
    add 1 to reached
  every day for at most 8 Person lowest age
    set dosed to yes
    add 1 to reached
"""
    text = MODEL.format(blocks=blocks, count=60, steps=2)
    result = seen(text)
    assert result["doses"][2] == 12
    assert result["age_of_dosed"][2] == pytest.approx(np.sort(people(text, "age"))[:4].sum(), rel=1e-12)


def test_a_rank_is_formatted_and_read_again() -> None:
    text = text_of("for at most 10 Person where not dosed highest age + 1 day")
    assert formatted(formatted(text)) == formatted(text)
    assert "for at most 10 Person where not dosed highest age + 1 day" in formatted(text)


def test_the_relaxation_names_the_line() -> None:
    import lpmdsl

    loaded = lpmdsl.load(text_of("for at most 10 Person highest age", "block"))
    with pytest.raises(LpmError) as raised:
        loaded.gradient("final of doses", [], replicates=2, estimator="relaxation")
    assert any("highest" in d.message for d in raised.value.report.diagnostics)


BROKEN = [
    ("for Person highest age", "E1016", 1, 36),
    ("for at most 10 Person highest dosed", "E0306", 1, 55),
    ("for at most 10 Person highest size", "E0201", 1, 55),
    ("for at most 10 Person highest", "E0101", 1, 54),
    ("for at most 10 Person highest their.age", "E1101", 1, 55),
]


@pytest.mark.parametrize(("line", "code", "row", "column"), BROKEN, ids=[c[0] for c in BROKEN])
def test_what_cannot_rank_is_told_with_its_place(line: str, code: str, row: int, column: int) -> None:
    text = text_of(line)
    error = next(d for d in found(text) if d.code.startswith("E"))
    first = text.split("\n").index("rule dose of Person") + 1
    assert (error.code, error.span.line, error.span.column) == (code, first + row, column)
