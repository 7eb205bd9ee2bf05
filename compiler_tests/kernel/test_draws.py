"""A lowered Program states the law of each of its draws; a pass makes words and comparisons of them."""

from __future__ import annotations

import pytest

import lpmdsl
from compiler_tests.example_models.scored_models import EVERYTHING
from lpmdsl.backends.python_text import statement
from lpmdsl.lowering.dense.program import lower
from lpmdsl.lowering.sparse.program import lower_sparse
from lpmdsl.program.ir import (
    Bernoulli,
    Categorical,
    Given,
    Hazard,
    Infection,
    Kernel,
    KExpr,
    Let,
    Program,
    Sample,
    Store,
    Tries,
    Var,
    statements,
)
from lpmdsl.program.nodes import STEP, chance_threshold, integer, number, op, real, test as holds
from lpmdsl.program.passes.draws import expand_draws
from lpmdsl.program.rewrite import map_block

WORD = Var("w_0", "i64")
NOTHING = Given((), (), STEP)


def of_one(*body: Sample | Let | Store) -> Program:
    kernel = Kernel("k", "Person", (), body)
    return Program("one", (), (), (), (kernel,), (), ())


def test_a_chance_is_a_word_below_its_bound() -> None:
    sample = Sample("happens", "here", Bernoulli(WORD, number(0.25), NOTHING))
    (made,) = expand_draws(of_one(sample)).kernels[0].body
    assert made == Let("happens", holds("lt", WORD, chance_threshold(number(0.25))))


def test_one_of_several_is_the_first_whose_chances_exceed_the_word() -> None:
    law = Categorical(WORD, (number(0.25), number(0.5)), (7, 8, 9), NOTHING)
    (made,) = expand_draws(of_one(Sample("goes_to", "here", law))).kernels[0].body
    first = chance_threshold(number(0.25))
    second = chance_threshold(real("add", number(0.25), number(0.5)))
    rest = op("select", holds("lt", WORD, second), integer(8), integer(9))
    assert made == Let("goes_to", op("select", holds("lt", WORD, first), integer(7), rest))


def test_what_only_a_score_asks_for_is_dropped() -> None:
    total = Var("met", "i64")
    laws = (
        Hazard(integer(1), True, NOTHING),
        Infection("Flu", total, integer(1), False),
        Tries(integer(1), number(0.5), integer(1), holds("le", integer(1), integer(0)), NOTHING),
    )
    assert expand_draws(of_one(*(Sample("", "here", law) for law in laws))).kernels[0].body == ()


def test_no_printer_takes_a_draw_for_a_statement() -> None:
    with pytest.raises(AssertionError, match="not yet words and comparisons"):
        statement(Sample("happens", "here", Bernoulli(WORD, number(0.25), NOTHING)), 1)


def test_a_rewrite_reaches_every_part_of_a_law() -> None:
    given = Given(("p",), (("p", Var("age", "f64")),), Var("age", "f64"))
    law = Bernoulli(WORD, Var("age", "f64"), given, holds("gt", Var("age", "f64"), number(1.0)))

    def renamed(expr: KExpr) -> KExpr:
        return Var("years", "f64") if expr == Var("age", "f64") else expr

    (made,) = map_block((Sample("happens", "here", law),), renamed)
    assert "age" not in repr(made) and repr(made).count("years") == 4


def test_every_draw_of_a_model_has_a_law() -> None:
    """Chances, branches, rates, tries and infections, by the places of the text where they stand."""
    model = lpmdsl.load(EVERYTHING).model
    dense, sparse = (paths_of(program) for program in (lower(model), lower_sparse(model, parts=())))
    assert dense == sparse
    assert {law for law, _ in dense} == {"Bernoulli", "Categorical", "Hazard", "Tries", "Exposure", "Infection"}
    wanted = {
        ("Bernoulli", "campaign.each0.action0"), ("Bernoulli", "cases.Flu.I.thinned"),
        ("Bernoulli", "Flu.I.entering0.action0"), ("Categorical", "Flu.I.exit1.branch"),
        ("Categorical", "Flu.E.exit0.branch"), ("Hazard", "Flu.A.exit0"), ("Tries", "Flu.I.exit0"),
        ("Infection", "Flu.S.exit0"),
    }  # fmt: skip
    assert wanted <= dense


def paths_of(program: Program) -> set[tuple[str, str]]:
    samples = (s for k in program.kernels for s in statements(k.body) if isinstance(s, Sample))
    return {(type(s.law).__name__, s.path) for s in samples}
