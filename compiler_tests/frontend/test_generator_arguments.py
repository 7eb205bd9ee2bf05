"""Distributions as arguments of network generators: named, by position and mixed, read, checked and written back."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from lpmdsl.compiler import check_source
from lpmdsl.diagnostics import Diagnostic, Report
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.semantics import model as m
from lpmdsl.source import Source, Span
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

TEXT = """\
model example version 1.0

clock
  step 1 day
  for 10 days

table partners of share
  0 25 %
  2 75 %

agent Person count 1_000

network town joins Person as {how} with 1 contact per day per tie

condition Flu of Person
  states S, I, R
  start S except 20 Person in I
  from S by contagion to I
  from I after exponential(mean 5 days) to R

contagion of Flu
  from I on town at 0.1 per contact

observe cases = number entering I per day
"""
ARGUMENTS = {
    "exponential": "4", "gamma": "4, 2", "erlang": "4, 2", "lognormal": "4, 2", "weibull": "2, 4", "fixed": "4",
    "uniform": "1, 7", "triangular": "1, 4, 7", "normal": "4, 1", "beta": "0.6, 0.2", "binomial": "10, 40 %",
    "poisson": "4", "negative_binomial": "4, 2", "hypoexponential": "2, 3",
}  # fmt: skip
"""By position, in the order of the first argument set of each family that numbers can be drawn from."""


def read(how: str) -> tuple[m.Generator | None, list[Diagnostic]]:
    report = Report()
    found = check_source(Source("example.lpm", TEXT.format(how=how)), report)
    return (found[0].networks[0].generator if found is not None else None), report.diagnostics


def drawn(how: str) -> Any:
    """The distribution of the degrees, without its places in the text."""
    generator, told = read(how)
    assert generator is not None, told
    return bare(generator.arguments[0][1])


def bare(node: object) -> object:
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return tuple(bare(part) for part in node)
    if is_dataclass(node):
        return type(node).__name__, *(bare(getattr(node, f.name)) for f in fields(node))
    return node


def test_every_family_of_numbers_is_tried() -> None:
    numbers = {f.name for f in DISTRIBUTIONS.values() if "draw" in f.uses and f.support not in ("yes/no", "labels")}
    assert numbers - {"empirical"} == set(ARGUMENTS)


@pytest.mark.parametrize("family", ARGUMENTS)
def test_names_say_what_positions_say(family: str) -> None:
    values = ARGUMENTS[family].split(", ")
    names = [name.split()[0] for name, _ in DISTRIBUTIONS[family].forms[0]]  # `mean` twice
    plain = drawn(f"configuration(degrees {family}({', '.join(values)}))")
    for named in range(len(values)):  # from the argument of this number on, all are named
        words = [v if k < named else f"{n} {v}" for k, (n, v) in enumerate(zip(names, values, strict=True))]
        law = f"{family}({', '.join(words)})"
        assert drawn(f"configuration(degrees {law})") == drawn(f"configuration({law})") == plain
        text = TEXT.format(how=f"configuration(degrees {law})")
        report = Report()
        assert format_module(parse(Source("example.lpm", text), report)) == text and not report.has_errors


def test_a_table_of_shares_is_a_distribution_too() -> None:
    assert "partners" in drawn("configuration(degrees partners)") and "partners" in drawn("configuration(partners)")


@pytest.mark.parametrize(
    ("how", "code", "place", "word"),
    [
        ("configuration(degrees poisson(rate 4))", "E0311", "poisson(rate 4)", "(mean), and it was given rate"),
        ("configuration(degrees poisson(mean 4, mean 5))", "E0311", "poisson(mean 4, mean 5)", "given mean, mean"),
        ("configuration(degrees poissn(mean 4))", "E0310", "poissn", "Did you mean `poisson`?"),
        ("configuration(degree poisson(mean 4))", "E0606", "degree", "no argument `degree`"),
        ("configuration(degrees 2 + 2)", "E0606", "degrees 2 + 2", "not a distribution"),
        ("ring(degree poisson(mean 4))", "E0606", "poisson(mean 4)", "`degree` is one number"),
        ("stochastic_block(ties poisson(mean 4))", "E0606", "poisson(mean 4)", "no table by one attribute twice"),
        ("configuration(degrees poisson(mean 4 days))", "E0303", "4 days", "days"),
    ],
)
def test_wrong_arguments_are_told_where_they_stand(how: str, code: str, place: str, word: str) -> None:
    _, told = read(how)
    (error,) = (d for d in told if d.severity == "error")
    assert error.code == code and word in error.message
    assert TEXT.format(how=how)[error.span.start :].startswith(place)
