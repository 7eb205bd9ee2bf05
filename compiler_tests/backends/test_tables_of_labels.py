"""Tables whose values are labels: every way of running alike, where their labels come from, and messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpmdsl
from compiler_tests.support.four_ways import same_four_ways, same_on_gpu
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.source import Source
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """model commuters version 1.0

clock
  step 1 day
  for 20 days

parameter within = 3

table other by home of category
  a b
  b "c d"
  "c d" a

table usual by old of category
  no 1
  yes work

table pay by job of number
  1 0.5
  work 3

agent Person count 900
  home category ~ categorical(a 60 %, b 30 %, "c d" 10 %)
  old yes/no ~ bernoulli(40 %)
  here category = home
  job category = usual[old]
  money number = 0

network town joins Person at random with 3 contacts per day * within

rule go of Person
  where here is home
    set here to other[home]
    set money to pay[usual[old]] + money
  otherwise where other[here] is home and home is a
    set here to other[other[other[home]]]
  otherwise
    set here to other[here]

condition Flu of Person
  states S, I, R
  start S except 40 Person in I
  from S by contagion to I
  from I at rate (0.1 per day where other[here] is b, 0.3 per day otherwise) to R

contagion of Flu
  from I on town at 0.02 per contact
  target scaled by 2 where other[here] is home

observe at_home = count of Person where here is home by home every day
observe rich = mean of money over Person by job every day
observe ill = number entering I per day by here
"""


def test_all_ways_look_labels_up_alike() -> None:
    result = same_four_ways(lpmdsl.load(TEXT).model, None)
    assert result.observations["ill"].sum() > 50
    rich = result.observations["rich"]
    assert np.all(rich[-1] > 0) and rich[-1, 1] == 6 * rich[-1, 0], "7 goes at 0.5 and at 3"


def test_people_go_round_as_the_table_says() -> None:
    """a → b → c d → a: everybody is at home at the start and in every third step after it."""
    middle = "  otherwise where other[here] is home and home is a\n    set here to other[other[other[home]]]\n"
    assert middle in TEXT
    text = TEXT.replace(middle, "")
    at_home = same_four_ways(lpmdsl.load(text).model, None).observations["at_home"].sum(axis=1)
    assert at_home.tolist() == [900.0 if day % 3 == 0 else 0.0 for day in range(21)]


def test_a_gpu_looks_labels_up_alike() -> None:
    same_on_gpu(lpmdsl.load(TEXT).model, 100, steps=5)


def test_a_file_holds_the_labels(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("home,goes_to\nb,c d\na,b\nc d,a\n")
    rows = '\n  a b\n  b "c d"\n  "c d" a'
    (tmp_path / "m.lpm").write_text(TEXT.replace(f"of category{rows}", 'of category from "other.csv" column goes_to'))
    found = lpmdsl.load(tmp_path / "m.lpm").model
    assert found.table("other").values == lpmdsl.load(TEXT).model.table("other").values == (1, 2, 0)


def test_a_file_that_is_not_there_is_told_where_an_attribute_takes_its_labels_too(tmp_path: Path) -> None:
    rows = "\n  no 1\n  yes work"
    assert rows in TEXT
    text = TEXT.replace(f"by old of category{rows}", 'by old of category from "no.csv" column goes_to')
    (tmp_path / "m.lpm").write_text(text)
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(tmp_path / "m.lpm")
    codes = [d.code for d in raised.value.report.diagnostics]
    assert codes.count("E0406") == 1, codes


def test_labels_are_those_of_a_category_that_has_them_all() -> None:
    """Its own keys' before others', in whatever order; else the rows'."""
    model = lpmdsl.load(TEXT).model
    assert model.table("other").type.labels == ("a", "b", "c d")
    assert model.table("usual").type.labels == ("1", "work")
    wider = TEXT.replace("  job category = usual[old]", "  job category one of work, idle, 1 = usual[old]")
    wider = wider.replace("  work 3\n", "  work 3\n  idle 0\n")
    assert lpmdsl.load(wider).model.table("usual").type.labels == ("work", "idle", "1")


def test_a_table_reads_as_it_is_written() -> None:
    text = 'table other by home of category\n  a b\n  b "c d"\n  "c d" 12\n'
    assert format_module(parse(Source("m.lpm", text.replace("  b ", "  b    ")), Report())) == text


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "word"),
    [
        ("  a b\n", "  a 3 %\n", "E0101", (10, 7), ""),
        ("  a b\n", "  a\n", "E0101", (10, 4), "no value"),
        ("  a b\n", "  a b b\n", "E0403", (10, 3), "names 2 labels"),
        ("  a b\n", "", "E0401", (9, 7), "no row for `a`"),
        ("  a b\n", "  a b\n  a b\n", "E0402", (11, 3), "duplicate"),
        ("  a b\n", "  z b\n", "E0403", (10, 3), "not a label"),
        ("  a b\n", "  a z\n", "E0306", (33, 17), "belongs here"),
        ("money to pay", "money to other[home] + pay", "E0306", (34, 18), "works on numbers"),
        ("here to other[home]", "here to other[job]", "E0412", (33, 23), "by home"),
        ("  1 0.5\n", "  1 high\n", "E0113", (19, 9), "high"),
        ("table other by home of category", "table other by home of categories", "E0101", (9, 24), "Did you mean"),
        ('~ categorical(a 60 %, b 30 %, "c d" 10 %)', "~ other[home]", "E0312", (23, 19), "cannot be drawn from"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, code: str, at: tuple[int, int], word: str) -> None:
    assert old in TEXT
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(TEXT.replace(old, new, 1))
    errors = [d for d in raised.value.report.sorted() if d.severity == "error"]
    assert (errors[0].code, errors[0].span.line, errors[0].span.column) == (code, *at), errors
    assert word in f"{errors[0].message} {errors[0].help}"


PLAIN = """model words

clock
  step 1 day
  from 2024-01-01 for 5 days

parameter ONE = 0.3

agent Person count 100
  home category ~ categorical(a 40 %, b 60 %)
  TWO category = home
  place_of place of size 3

network THREE joins Person sharing place_of with 3 contacts per day * ONE

rule go of Person
  where TWO is home and (count of THREE where their.TWO is a) > 1
    set TWO to b
  otherwise with probability ONE
    set TWO to home

condition Flu of Person
  states S, I
  start S except where TWO is a in I
  from S by contagion to I

contagion of Flu
  from I on THREE at ONE * 0.1 per contact
  target scaled by ONE where TWO is home

observe out = count of Person where TWO is not home every day
"""
WORDS = """here within now tie directed back other highest lowest weight pick each take source row quantile them random
set add move start date number total"""


@pytest.mark.parametrize("word", WORDS.split())
@pytest.mark.parametrize("place", ["ONE", "TWO", "THREE"])
def test_words_stay_names_where_no_construct_could_stand(word: str, place: str) -> None:
    """A parameter, an attribute, a network."""
    text = PLAIN.replace(place, word)
    for other in ("ONE", "TWO", "THREE"):
        text = text.replace(other, other.lower())
    lpmdsl.load(text)


def test_a_distance_after_within_is_told_to_be_not_there_yet() -> None:
    text = PLAIN.replace("sharing place_of", "within 3 m")
    with pytest.raises(LpmError) as raised:
        lpmdsl.load(text)
    assert "E0103" in {d.code for d in raised.value.report.diagnostics}


@pytest.mark.parametrize("law", ["categorical(quantile 20 %, b 80 %)", "categorical(b 20 %, quantile 80 %)"])
def test_a_label_may_be_called_quantile(law: str) -> None:
    assert lpmdsl.load(PLAIN.replace("categorical(a 40 %, b 60 %)", law).replace("is a", "is quantile"))
