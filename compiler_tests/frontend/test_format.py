"""The formatter changes the layout and nothing else."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest

from lpmdsl.diagnostics import Report
from lpmdsl.source import NOWHERE, Source, Span, data_dir
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.expressions import expression
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse, read_source

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*(ROOT / "models").rglob("*.lpm"), *data_dir("stdlib").rglob("*.lpm")])

MESSY = """\
# a note for the file

## Influenza.
##   In two lines.
model   messy version 1.0 # trailing
use "lpm/x"   version 1.0 only agent P ,network n as other with beta=3 per day,gamma = 2
clock # why
    step 1   day   # one
  # between
  from 2024-10-01   for 180 days
# at the margin, before parameters
parameter a = ( 1 +
   2 ) * 3   # inside
  source "somewhere"
  # before the prior
  prior normal( mean -1 , sd (1+2)*3 )
  # the last word
parameter b=2


parameter c = -(-a)^2 - (b - a) - 1   # end

table kinds by g,g of contacts per day
   child "5-9"   -1.5 contacts per day
   0_4 yes 2
   "source" "m" 3 %
  source "survey"
agent P count 10 at most 20 from "p.csv"
  ## how old
  age duration~uniform( 0 years,90 years)
  a1,b1   number = 0
  sex category one of m,f ~ categorical(m 50 %, f 50 %)
  g category = band of age at 5 years,10 years named child,"5-9"
  home place
  school place of size 400   within a1,a2 where age>=5 years   and age<18 years
  work place of size ~ poisson(20) where (mean of a1 over n where a1 > 1) > 0
network n joins P to P as ring( degree 4 ) with 3 contacts per day per tie on weekends
network m joins P from "edges.csv" with a per tie
network o joins P at random mixing by kinds
network q joins P as configuration( degrees   negative_binomial(4,dispersion 2) )
network r joins P as configuration(poisson(mean (b+1)*2))
condition F of P
  states S,I, R
  start S except 20 P in I
    except share 0.5 % in R
    except where age > 5 years and (F in S, I) in R
  from S by contagion
    to I
  from I, R after gamma(mean 2 days, sd 1 day)
    # more often
    to R with probability 30 % # rare
    to S otherwise
  from R at rate a * 2 to S
  from R with probability 5 % every 2 weeks to S
  from S when age > 80 years to R
  while I
    set a1 to a1 + 1 with probability 10 %
    leave n, m
  on entering R
    move F to S
  removed in R
contagion of F
  from I on n,m at 0.2*a
  source,target scaled by 1-a where a1 > 2 and not b1 < 3 on n
observe x = number entering I,R per week where age > 5 years by g thinned by 30 % delayed by fixed(2 days) every 2 weeks
observe y = count of P where F is I <= population
observe z = (count of P where a1 > 1) + 1
intervention w
  starts 10 days after x rises above 3 per week
  stops on 2025-01-01
  every day for at most 500 P where not a1 > 3
    set a1 to 3
  while active for P where g is child
    leave n
  costs 5 USD
calibrate
  fit x to "x.csv" column c by g with poisson
  estimate a,b by neural posterior
  hold out the last 3 weeks
scenario s
  without w
  with r
  change a to 3
scenario r
compare s,r with baseline
  repeat 20 times
  report total of x,peak of y
check R0 of F between 1 and 3
check calls of y at most 5
check always mean of a1 over P else -1 between 0 and 1 # last
# the very end
"""

TIDY = """\
model tidy version 1.0

clock
  step 1 day
  for 10 days

## Documented.
parameter a = 1
parameter b = 2

# on its own
parameter c = 3
"""


def bare(node: Any) -> Any:
    """A tree without its places, to compare."""
    if isinstance(node, Span | Source):
        return None
    if dataclasses.is_dataclass(node):
        return (type(node).__name__, *(bare(getattr(node, f.name)) for f in dataclasses.fields(node)))
    return tuple(map(bare, node)) if isinstance(node, tuple) else node


def read(text: str) -> t.Module:
    report = Report()
    module = parse(Source("m.lpm", text), report)
    assert not report.has_errors, report.diagnostics
    return module


def without_comments(module: t.Module) -> Any:
    return bare(dataclasses.replace(module, comments=()))


def test_a_messy_file_keeps_its_meaning_and_its_comments() -> None:
    module = read(MESSY)
    text = format_module(module)
    again = read(text)
    assert without_comments(again) == without_comments(module)
    assert sorted(c.text for c in again.comments) == sorted(c.text for c in module.comments)
    assert format_module(again) == text


def test_comments_stay_beside_what_they_explain() -> None:
    text = format_module(read(MESSY))
    assert "model messy version 1.0  # trailing\n" in text
    assert "clock  # why\n  step 1 day  # one\n  # between\n  from 2024-10-01 for 180 days\n" in text
    assert "    # more often\n    to R with probability 30 %  # rare\n    to S otherwise\n" in text
    assert "  prior normal(mean -1, sd (1 + 2) * 3)\n  # the last word\nparameter b = 2\n" in text
    assert text.endswith("between 0 and 1  # last\n# the very end\n")


def test_different_declarations_are_one_blank_line_apart() -> None:
    written = "clock\n step 1 day\n for 2 days\n\n\n\nparameter a = 1\nparameter b = 2\n\n\nparameter c = 3"
    assert format_module(read("model m\n" + written)) == (
        "model m\n\nclock\n  step 1 day\n  for 2 days\n\nparameter a = 1\nparameter b = 2\n\nparameter c = 3\n"
    )


def test_a_comment_between_declarations_keeps_its_side() -> None:
    after = "model m\n\nclock\n  step 1 day\n  for 2 days\n# about the clock\n\nparameter a = 1\n"
    before = "model m\n\nclock\n  step 1 day\n  for 2 days\n\n# about a\nparameter a = 1\n"
    for text in (after, before):
        assert format_module(read(text)) == text


@pytest.mark.parametrize("text", [TIDY, ""])
def test_a_tidy_file_is_left_alone(text: str) -> None:
    assert format_module(parse(Source("m", text), Report())) == text


def test_windows_line_ends_and_a_byte_order_mark_become_plain() -> None:
    text = "\ufeff" + TIDY.replace("\n", "\r\n")
    assert format_module(parse(Source("m", text), Report())) == TIDY


def test_a_module_with_mistakes_is_not_formatted() -> None:
    module = parse(Source("m", "model m\nparameter a = \nparameter b = 2\n"), Report())
    with pytest.raises(ValueError, match="nothing was formatted"):
        format_module(module)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_models_of_this_project_survive(path: Path) -> None:
    report = Report()
    source = read_source(path, report)
    assert source is not None
    module = parse(source, report)
    if report.has_errors:
        pytest.skip("uses parts of the language that are not there yet")
    text = format_module(module)
    again = read(text)
    assert without_comments(again)[2:] == without_comments(module)[2:]
    assert format_module(again) == text


# ------------------------------------------------------------------ brackets


def _quantity() -> t.Quantity:
    return t.Quantity(2.0, False, None, t.Unit((("days", 1),), NOWHERE), "2 days", NOWHERE)


def _random_expression(rng: random.Random, depth: int) -> t.Expr:
    names = [t.Name(name, NOWHERE) for name in ("a", "b", "Flu", "mean")]
    if depth == 0:
        return rng.choice([*names, _quantity(), t.YesNo(True, NOWHERE), t.Theirs("x", NOWHERE)])
    inner = lambda: _random_expression(rng, depth - rng.randint(1, depth))  # noqa: E731
    kind = rng.randrange(9)
    if kind < 3:
        return t.Binary(rng.choice(["+", "-", "*", "/", "^", "<", ">=", "and", "or"]), inner(), inner(), NOWHERE)
    if kind == 3:
        return t.Unary(rng.choice(["-", "not"]), inner(), NOWHERE)
    if kind == 4:
        return t.Is(inner(), tuple(names[: rng.randint(1, 3)]), rng.random() < 0.3, NOWHERE)
    if kind == 5:
        return t.Call(names[0], (inner(), inner()), NOWHERE)
    if kind == 8:
        return t.Choice(tuple((inner(), inner()) for _ in range(rng.randint(1, 2))), inner(), NOWHERE)
    where = inner() if rng.random() < 0.6 else None
    if kind == 6:
        return t.Aggregate("count", None, names[2], where, None, NOWHERE)
    otherwise = inner() if rng.random() < 0.5 else None
    over = rng.choice([names[1], _quantity()])
    return t.Aggregate(rng.choice(["mean", "share"]), inner(), over, where, otherwise, NOWHERE)


def test_brackets_stand_where_the_meaning_needs_them() -> None:
    rng = random.Random(1)
    made = [_random_expression(rng, 4) for _ in range(600)]
    checks = "".join(f"check always {expression(e)}\n" for e in made)
    module = read("model m\n" + checks)
    for e, check in zip(made, module.declarations, strict=True):
        assert isinstance(check, t.CheckAlways)
        assert bare(check.test) == bare(e), expression(e)


def test_brackets_in_guards_and_scalings() -> None:
    rng = random.Random(2)
    for _ in range(150):
        test, factor = _random_expression(rng, 3), _random_expression(rng, 3)
        text = (
            f"model m\ncondition F of P\n  states S\n  start S except where ({expression(test)}) in S\n"
            f"contagion of F\n  from S on n at 1\n  source scaled by ({expression(factor)}) where a\n"
            f"parameter p = 1\n  between ({expression(factor)}) and 2\n"
            f"agent P\n  home place of size ({expression(factor)}) where a\n"
        )
        module = read(text)
        again = format_module(module)
        assert without_comments(read(again))[2:] == without_comments(module)[2:]


def test_an_aggregate_with_an_else_keeps_its_parentheses_in_a_sum() -> None:
    """`else` takes one value: without them a reader would take the rest of the sum for it."""
    text = (ROOT / "models" / "opinion.lpm").read_text(encoding="utf-8")
    assert "else opinion) - opinion)" in text and "mean of (share of friends where" in text
    source = Source("opinion.lpm", text)
    assert format_module(parse(source, Report())) == text
