"""Second places of messages: where what stands in a wrong value is written or declared."""

from __future__ import annotations

import json

import pytest

import lpmdsl
from lpmdsl.diagnostics import Diagnostic, LpmError, render_json, render_text

TEXT = """model places version 1.0
clock
  step 1 day
  for 5 days
parameter beta = 0.4 per day
parameter stay = 5 days
parameter first = 0
parameter part = 0.5
table severity by age of share
  young 1 %
  old   2 %
agent Person count 100
  age category ~ categorical(young 40 %, old 60 %)
  stature category ~ categorical(short 50 %, tall 50 %)
  length days = 3 days
network friends joins Person at random
condition Flu of Person
  states S, I, R
  start S except 1 Person in I
  from S by contagion to I
  from I after exponential(mean stay) to R
contagion of Flu
  from I on friends at beta
observe cases = number entering I per day
"""


def found(old: str, new: str) -> Diagnostic:
    """The one error of the text with ``new`` in place of ``old``."""
    assert TEXT.count(old) == 1
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(TEXT.replace(old, new))
    [error] = [d for d in caught.value.report.sorted() if d.severity == "error"]
    return error


def line_of(part: str) -> int:
    return next(k for k, line in enumerate(TEXT.splitlines(), 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("mean stay", "mean beta", "E0303", "parameter beta", "`beta` is `0.4 per day`, written here"),
        ("at beta", "at beta + stay", "E0302", "parameter beta", "`beta` is `0.4 per day`, written here"),
        ("at beta", "at beta + stay", "E0302", "parameter stay", "`stay` is `5 days`, written here"),
        ("at beta", "at stay", "E0609", "parameter stay", "`stay` is `5 days`, written here"),
        ("at beta", "at beta * stature", "E0306", "stature", "`stature` is a category (short, tall), declared here"),
        ("at beta", "at beta * exp(length)", "E0308", "length days", "`length` is in days, declared here"),
        ("at beta", "at severity[age]", "E0305", "table severity", "`severity` is a share, declared here"),
        ("at beta", "at cases", "E0609", "observe cases", "`cases` is in people per day, declared here"),
        ("at beta", "at beta * exp(beta)", "E0308", "parameter beta", "`beta` is `0.4 per day`, written here"),
        ("mean stay", "mean stay - 5 days", "E0316", "parameter stay", "`stay` is `5 days`, written here"),
        ("at beta", "at beta * log(first)", "E0742", "parameter first", "`first` is `0`, written here"),
        ("except 1 Person", "except part Person", "E0301", "parameter part", "`part` is `0.5`, written here"),
    ],
)
def test_an_error_at_a_name_points_at_its_value(old: str, new: str, code: str, line: str, said: str) -> None:
    error = found(old, new)
    assert error.code == code
    [place] = [x for x in error.labels if x.span.line == line_of(line)]
    assert said in place.text
    assert f":{line_of(line)}:" in render_text(error) and place.text in render_text(error)
    shown = render_text(error).split("\n")
    at = next(k for k, row in enumerate(shown) if place.text in row)
    written = place.span.source.line(place.span.line)
    if place.span.line != error.span.line:
        assert shown[at + 1].endswith(f" | {written}"), "the line itself stands below its place"
        underlined = shown[at + 2].split("| ", 1)[1]
        assert underlined.index("-") == place.span.column - 1 and underlined.strip("- ") == ""
    related = json.loads(render_json(error))["related"]
    assert [x["line"] for x in related] == [x.span.line for x in error.labels]
    assert {"file", "line", "column", "message"} == set(related[0])


def test_names_of_one_message_are_told_once_and_four_at_most() -> None:
    names = "".join(f"parameter p{k} = {k} days\n" for k in range(6))
    wrong = "at beta * exp(" + " + ".join(["p0", *(f"p{k}" for k in range(6))]) + ")"
    with pytest.raises(LpmError) as caught:
        lpmdsl.load(TEXT.replace("table", names + "table", 1).replace("at beta", wrong))
    [error] = [d for d in caught.value.report.sorted() if d.severity == "error"]
    assert [x.text.split("`")[1] for x in error.labels] == ["p0", "p1", "p2", "p3"]


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("to R\n", "to Q\n", "E0203", "states S, I, R", "the states of Flu"),
        ("from I on friends", "from I on beta", "E0206", "parameter beta", "`beta` is declared here"),
        ("states S, I, R", "states S, I, R, I", "E0511", "states S, I, R", "first listed here"),
        ("states S, I, R", "states S, I, R, Q", "E0501", "start S except", "people start here"),
        ("for 5 days", "for 5.5 days", "E0705", "step 1 day", "a step is this long"),
        ("parameter first = 0\n", "parameter first = 0\n  between 1 and 2\n", "E0317", "between 1 and 2",
         "the bounds of `first`"),
        ("parameter part = 0.5", "parameter part = 2 * part", "E0205", "parameter part", "`part` is made of this"),
    ],
)  # fmt: skip
def test_a_second_place_explains_the_first(old: str, new: str, code: str, line: str, said: str) -> None:
    error = found(old, new)
    text = TEXT.replace(old, new)
    assert error.code == code
    assert (said, next(k for k, row in enumerate(text.splitlines(), 1) if line in row)) in [
        (label.text, label.span.line) for label in error.labels
    ]


def test_bounds_of_a_number_of_agents_may_have_fractions_between_them() -> None:
    text = """\
model begun version 1.0
clock
  step 1 day
  for 10 days
parameter begun = 10 people
  between 1 people and 100 people
agent Person count 1_000
condition Flu of Person
  states S, I
  start S except begun Person in I
  from I at rate 1 per day to S
observe ill = count of Person where Flu is I every day
"""
    assert lpmdsl.load(text).run(parameters={"begun": "7 people"}).observations is not None
    with pytest.raises(lpmdsl.LpmError, match="E0316"):
        lpmdsl.load(text.replace("= 10 people", "= 10.5 people"))
