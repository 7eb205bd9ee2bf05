"""Reading text: every clause, what binds to what, and messages about mistakes."""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path
from typing import Any

import lark
import pytest
from lark.lexer import _create_unless

from lpmdsl.diagnostics import Report, render_json, render_text
from lpmdsl.quantities import UNITS
from lpmdsl.source import MAX_BYTES, Source, data_dir
from lpmdsl.syntax import grammar, tree as t
from lpmdsl.syntax.chunks import Chunk, lines_of, split
from lpmdsl.syntax.formatting.expressions import expression
from lpmdsl.syntax.parse import parse, read_source
from lpmdsl.syntax.scanning import LexerByContext

HEADER = "model m version 1.0\n"


def read(text: str) -> tuple[t.Module, Report]:
    report = Report()
    return parse(Source("m.lpm", HEADER + text), report), report


def only(text: str) -> Any:
    """The one declaration of a text without mistakes."""
    module, report = read(text)
    assert not report.diagnostics, [render_text(d) for d in report.diagnostics]
    assert len(module.declarations) == 1
    return module.declarations[0]


def value(text: str) -> Any:
    return only(f"parameter x = {text}").value


def mistake(text: str) -> Any:
    """The one diagnostic of a text."""
    _, report = read(text)
    assert len(report.diagnostics) == 1, [render_text(d) for d in report.diagnostics]
    return report.diagnostics[0]


def codes(text: str) -> list[str]:
    return [d.code for d in read(text)[1].sorted()]


def ids(names: tuple[t.Name, ...]) -> list[str]:
    return [name.id for name in names]


# ------------------------------------------------------------------ quantities and expressions


@pytest.mark.parametrize(
    ("text", "number", "unit", "kept"),
    [
        ("12", 12, (), "12"),
        ("10_000", 10_000, (), "10_000"),
        ("30%", 0.3, (), "30 %"),
        ("2.5e-3   per day", 0.0025, (("day", -1),), "2.5e-3 per day"),
        ("0.02 per contact", 0.02, (("contact", -1),), "0.02 per contact"),
        ("8 contacts per day", 8, (("contacts", 1), ("day", -1)), "8 contacts per day"),
        ("50 per 100_000 per week", 0.0005, (("week", -1),), "50 per 100_000 per week"),
        ("500 USD per week", 500, (("USD", 1), ("week", -1)), "500 USD per week"),
        ("0.2 % per week", 0.002, (("week", -1),), "0.2 % per week"),
    ],
)
def test_quantities(text: str, number: float, unit: tuple[tuple[str, int], ...], kept: str) -> None:
    quantity = value(text)
    assert quantity.value == pytest.approx(number)
    assert (quantity.unit.parts if quantity.unit else ()) == unit
    assert quantity.text == kept


def test_a_quantity_remembers_how_it_was_written() -> None:
    quantity = value("50 per 100_000 per week")
    assert (quantity.number, quantity.percent, quantity.per_number) == (50, False, 100_000)
    assert value("30 %").number == 30


@pytest.mark.parametrize(
    ("text", "bracketed"),
    [
        ("a + b * c ^ d", "a + (b * (c ^ d))"),
        ("a - b - c", "(a - b) - c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a) * b"),
        ("a * -b", "a * (-b)"),
        ("not a and b or c", "((not a) and b) or c"),
        ("not a < b + c", "not (a < (b + c))"),
        ("a or b and F is S", "a or (b and (F is S))"),
        ("count of P where F is D <= n", "(count of P where F is D) <= n"),
        ("count of P where a and b", "count of P where (a and b)"),
        ("count of P where x > a + b", "count of P where (x > (a + b))"),
        ("mean of a over n where b < c else 0 + d", "(mean of a over n where b < c else 0) + d"),
        ("x / mean of x over 4 weeks", "x / (mean of x over 4 weeks)"),
        ("1 / (2 days)", "1 / 2 days"),
        ("their.x - x > 0", "(their.x - x) > 0"),
    ],
)
def test_what_binds_to_what(text: str, bracketed: str) -> None:
    assert expression(value(text)) == expression(value(bracketed))


def test_tests_of_states_and_categories() -> None:
    assert value("F is I").values[0].id == "I"
    assert value("F is not I").negated
    assert ids(value("F in I, H").values) == ["I", "H"]
    assert value("F not in I, H").negated
    assert ids(value('g is "5-9"').values) == ["5-9"]
    active = value("campaign is active")
    assert (active.subject.id, ids(active.values)) == ("campaign", ["active"])


def test_aggregates() -> None:
    count = value("count of Person where F is I")
    assert (count.what, count.over.id) == (None, "Person")
    mean = value("mean of their.x - x over friends where a else 0")
    assert (mean.over.id, mean.where.id, mean.otherwise.number) == ("friends", "a", 0)
    rolling = value("mean of cases over 4 weeks")
    assert (rolling.over.number, rolling.over.unit.parts) == (4, (("weeks", 1),))
    share = value("share of their.vaccinated over friends")
    assert (share.what.id, share.over.id) == ("vaccinated", "friends")


def test_lookups_calls_and_names_that_are_words_elsewhere() -> None:
    assert ids(value("risk[age, sex]").keys) == ["age", "sex"]
    assert len(value("min(a, b)").arguments) == 2
    assert value("mean + share + states + m").right.id == "m"


def test_a_value_goes_on_over_lines_inside_brackets() -> None:
    assert expression(value("(a\n  + b\n  # why\n  + c) * 2")) == "(a + b + c) * 2"


# ------------------------------------------------------------------ declarations


def test_header() -> None:
    module = parse(Source("m", "## A.\n## B.\nlibrary seir version 1.0"), Report())
    assert module.header is not None
    assert (module.header.kind, module.header.name.id, module.header.version) == ("library", "seir", "1.0")
    assert module.header.doc == "A.\nB."


def test_use() -> None:
    use = only('use "lpm/seir" version 1.2.3 only condition Flu, parameter beta as mine with beta = 0.3 per day, b = 2')
    assert (use.path, use.version, use.alias.id) == ("lpm/seir", "1.2.3", "mine")
    assert [(item.kind, item.name.id) for item in use.only] == [("condition", "Flu"), ("parameter", "beta")]
    assert [(name.id, expression(e)) for name, e in use.settings] == [("beta", "0.3 per day"), ("b", "2")]


def test_clock() -> None:
    clock = only("clock\n  step 0.25 days\n  from 1978-01-22 for 14 days")
    assert (clock.step.number, clock.start.iso, clock.duration.text) == (0.25, "1978-01-22", "14 days")
    assert only("clock\n  step 1 day\n  for 200 days").start is None


def test_parameter() -> None:
    text = 'parameter p = 2\n  prior lognormal(median -1, spread 1.5)\n  between 1 and 3\n  source "who"'
    parameter = only(text)
    assert [(a.name, expression(a.value)) for a in parameter.prior.arguments] == [("median", "-1"), ("spread", "1.5")]
    assert (parameter.low.number, parameter.high.number, parameter.source) == (1, 3, "who")


def test_table() -> None:
    table = only('table t by a, b of money per week\n  child "5-9" 3 USD per week\n  0_4 7 -2\n  source "s"')
    assert (ids(table.by), table.of.name, table.of.unit.parts) == (["a", "b"], "money", (("week", -1),))
    assert [ids(row.keys) for row in table.rows] == [["child", "5-9"], ["0_4", "7"]]
    assert table.rows[1].value.number == -2
    filed = only('table t of contacts per day from "t.csv" column c')
    assert (filed.file, filed.column.id, filed.of.name) == ("t.csv", "c", "")


def test_agent() -> None:
    agent = only(
        'agent P count 5_000 at most 6_000 from "p.csv"\n  a, b number = 0\n'
        "  age duration ~ uniform(0 years, 9 years)\n"
        "  g category = band of age at 5 years, 10 years named x, y, z\n"
        "  sex category one of m, f ~ categorical(m 50 %, f 50 %)\n  rate contacts per day\n  v yes/no = no\n"
        "  home place\n  school place of size 400 within g, sex where age < 5 years\n  work place of size ~ poisson(20)"
    )
    assert (agent.count.number, agent.at_most.number, agent.file) == (5000, 6000, "p.csv")
    a, b, age, g, sex, rate, v, home, school, work = agent.attributes
    assert (a.name.id, b.name.id, a.value.number, age.drawn.name.id) == ("a", "b", 0, "uniform")
    assert (ids(g.value.labels), len(g.value.cuts)) == (["x", "y", "z"], 2)
    assert (ids(sex.labels), sex.drawn.name.id, sex.type.name) == (["m", "f"], "categorical", "category")
    assert (rate.type.unit.parts, v.type.name) == ((("contacts", 1), ("day", -1)), "yes/no")
    assert (home.size, school.size.number, work.size.name.id) == (None, 400, "poisson")
    assert expression(school.where) == "age < 5 years"
    assert (ids(school.within), work.within) == (["g", "sex"], ())
    assert only("extend P\n  x number").extends


def test_network() -> None:
    network = only("network n joins A to B sharing home with 8 contacts per day per tie on weekdays")
    assert (network.to.id, network.how.place.id, network.per_tie, network.days) == ("B", "home", True, "weekdays")
    assert network.contacts.text == "8 contacts per day"
    named = only("network n joins A at random mixing by t with rate per tie")
    assert (named.contacts.id, named.per_tie, named.how.mixing.id) == ("rate", True, "t")
    generated = only("network n joins A as small_world(degree 12, rewiring 5 %)").how.generator
    assert [a.name for a in generated.arguments] == ["degree", "rewiring"]
    drawn = only("network n joins A as configuration(degrees negative_binomial(4, dispersion 2))").how.generator
    law = drawn.arguments[0].value
    assert (drawn.arguments[0].name, law.name.id, [a.name for a in law.arguments]) == (
        "degrees", "negative_binomial", [None, "dispersion"],
    )  # fmt: skip
    # A sign after a blank is no argument: where a call may stand, `x -1` is a difference.
    inner = only("network n joins A as configuration(degrees uniform(low 1, high exp(x -1)))").how.generator
    assert expression(inner.arguments[0].value.arguments[1].value) == "exp(x - 1)"
    assert only('network n joins A from "e.csv"').how.path == "e.csv"


def test_condition() -> None:
    condition = only(
        "condition F of P\n  states S, I, R\n  start S except 20 P in I\n    except share 0.5 % in R\n"
        "    except where age > 5 years and (F in I, S) in R\n  from S, R by contagion to I\n"
        "  from I after gamma(mean 2 days, sd 1 day)\n    to R with probability risk[g]\n    to S otherwise\n"
        "  from R at rate a * 2 to S\n  from R with probability 5 % every 2 weeks to S\n  from S when x > 1 to R\n"
        "  while I\n    set a to 1\n    leave n, o\n"
        "  on entering R\n    move F to S with probability 5 %\n  removed in R"
    )
    first, second, third = condition.start.exceptions
    assert (first.number.number, first.kind.id, first.state.id) == (20, "P", "I")
    assert (second.share.text, third.state.id) == ("0.5 %", "R")
    assert expression(third.where) == "age > 5 years and F in I, S"
    triggers = [type(exit.trigger) for exit in condition.exits]
    assert triggers == [t.ByContagion, t.After, t.AtRate, t.Chance, t.When]
    assert [(b.to.id, b.probability is None) for b in condition.exits[1].branches] == [("R", False), ("S", True)]
    assert condition.exits[3].trigger.every.number == 2
    assert [type(action) for action in condition.whiles[0].actions] == [t.SetTo, t.Leave]
    assert isinstance(condition.entering[0].actions[0], t.MoveTo)
    assert ids(condition.removed) == ["R"]


def test_contagion() -> None:
    contagion = only("contagion of F\n  from I, H on a, b at 0.2 * beta\n  source, target scaled by 1 - e where v on b")
    assert (ids(contagion.spreads[0].states), ids(contagion.spreads[0].networks)) == (["I", "H"], ["a", "b"])
    scaled = contagion.scalings[0]
    assert (scaled.ends, scaled.where.id, ids(scaled.networks)) == (("source", "target"), "v", ["b"])


def test_observe() -> None:
    observe = only(
        "observe x = number entering E, I per day where age > 5 years by g, sex thinned by p "
        "delayed by gamma(mean 3 days, sd 1 day) every 2 weeks"
    )
    assert (ids(observe.value.states), observe.value.per.text) == (["E", "I"], "day")
    assert (expression(observe.where), ids(observe.by), observe.thinned.id) == ("age > 5 years", ["g", "sex"], "p")
    assert (observe.delayed.name.id, observe.every.number, observe.every.unit.parts) == ("gamma", 2, (("weeks", 1),))
    counted = only("observe y = count of P where F is I by g every day")
    assert counted.where is None
    assert (expression(counted.value), ids(counted.by), counted.every.number) == ("count of P where F is I", ["g"], 1)


def test_intervention() -> None:
    intervention = only(
        "intervention c\n  starts 10 days after x rises above level\n"
        "  stops when x falls below 10 per 100_000 per week\n"
        "  every day for at most 500 P where not v and g is elder\n    set v to yes with probability 80 %\n"
        "  while active for P where g is child\n    leave school\n  costs 5 USD"
    )
    assert (intervention.starts.rises, intervention.starts.delay.text) == (True, "10 days")
    assert (intervention.stops.rises, intervention.stops.delay) == (False, None)
    repeated = intervention.repeated[0]
    assert (repeated.at_most.number, repeated.kind.id, repeated.actions[0].probability.text) == (500, "P", "80 %")
    assert intervention.while_active[0].kind.id == "P"
    assert intervention.costs.text == "5 USD"
    dated = only("intervention c\n  starts on 2024-10-01\n  every 2 weeks\n    leave n")
    assert (dated.starts.iso, dated.repeated[0].kind) == ("2024-10-01", None)
    assert only("intervention c\n  every day\n    leave n").starts is None


def test_calibrate_scenario_compare_check() -> None:
    calibrate = only(
        'calibrate\n  fit x to "x.csv" column c by a, b with negative_binomial(dispersion dispersion)\n'
        "  estimate a, b by neural posterior\n  hold out the last 3 weeks"
    )
    assert (ids(calibrate.estimate), calibrate.method.id) == (["a", "b"], "neural_posterior")
    assert calibrate.fits[0].likelihood.arguments[0].name == "dispersion"
    assert calibrate.hold_out.text == "3 weeks"
    scenario = only("scenario s\n  without a, b\n  with other\n  change p to 2 days")
    assert (ids(scenario.without), ids(scenario.include), scenario.changes[0].target.id) == (["a", "b"], ["other"], "p")
    compare = only("compare a, b with baseline\n  repeat 20 times\n  report total of d, peak of h")
    assert (compare.baseline.id, compare.repeat.number) == ("baseline", 20)
    assert [(r.function, r.observation.id) for r in compare.reports] == [("total", "d"), ("peak", "h")]
    check = only("check R0 of F between 1.2 and 3")
    assert (check.quantity.id, check.of.id, check.low.number, check.high.number) == ("R0", "F", 1.2, 3)
    assert only("check calls of x at most 20_000").low is None
    always = only("check always mean of o over P between 0 and 1")
    assert (always.low.number, always.high.number) == (0, 1)


def test_docs_and_comments() -> None:
    module, _ = read("# own\n## doc a\n## doc b\nparameter x = 1 # beside\nagent P\n  ## how old\n  age number\n")
    parameter, agent = module.declarations
    assert isinstance(parameter, t.Parameter) and isinstance(agent, t.Agent)
    assert (parameter.doc, agent.attributes[0].doc) == ("doc a\ndoc b", "how old")
    assert [(c.text, c.own_line) for c in module.comments] == [("# own", True), ("# beside", False)]


# ------------------------------------------------------------------ places


def test_spans_are_places_in_the_whole_file() -> None:
    text = "# c\n\nclock\n  step 1 day # one\n\tfor 30 days\nparameter beta = (1 +\n  2) * x\n"
    module, _ = read(text)
    clock, parameter = module.declarations
    assert isinstance(clock, t.Clock) and isinstance(parameter, t.Parameter)
    assert clock.step is not None and clock.duration is not None
    assert (clock.span.line, clock.span.column, clock.step.span.line, clock.step.span.column) == (4, 1, 5, 8)
    assert (clock.duration.span.line, clock.duration.span.column) == (6, 6)
    whole = module.source.text
    assert whole[clock.span.start : clock.span.end].endswith("for 30 days")
    assert whole[parameter.value.span.start : parameter.value.span.end] == "(1 +\n  2) * x"
    assert whole[parameter.name.span.start : parameter.name.span.end] == "beta"


def test_windows_line_ends_change_no_columns() -> None:
    report = Report()
    module = parse(Source("m", (HEADER + "clock\n  step 1 day\n  for 2 day z\n").replace("\n", "\r\n")), report)
    assert module.header is not None
    (found,) = report.diagnostics
    assert (found.code, found.span.line, found.span.column) == ("E0101", 4, 13)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "m.lpm"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + "clock\n  step 1 day\n  for 2 days\n").replace("\n", "\r\n").encode())
    report = Report()
    source = read_source(path, report)
    assert source is not None
    module = parse(source, report)
    assert not report.diagnostics
    assert module.header is not None and (module.header.span.line, module.header.span.column) == (1, 1)


def test_indentation_is_checked_and_means_nothing() -> None:
    module, report = read("clock\nstep 1 day\nfor 2 days\n  parameter x = 1\n")
    assert [(d.code, d.span.line) for d in report.sorted()] == [("W0114", 3), ("W0114", 5)]
    assert not report.has_errors
    assert len(module.declarations) == 2


# ------------------------------------------------------------------ mistakes


def test_three_mistakes_give_three_reports_and_the_rest_is_read() -> None:
    module, report = read("clock\n  1 day\nparameter x =\nparameter y = 2\nnetwork n joins P nearby\nscenario s\n")
    assert [d.code for d in report.sorted()] == ["E0101"] * 3
    assert [d.span.line for d in report.sorted()] == [3, 4, 6]
    assert [type(d) for d in module.declarations] == [t.Parameter, t.Scenario]


@pytest.mark.parametrize(
    ("text", "code", "message", "help", "place"),
    [
        ("clock\n  1 day", "E0101", "`clock` needs `step` before a duration", "Write `step 1 day`", (3, 3)),
        ("clock step 1 day", "E0101", "The line ends after `clock`", "Start a new line with `step`", (2, 7)),
        ("clock\n  step\n  for 2 days", "E0101", "After `step` comes a value, not the end", "step DURATION", (3, 7)),
        (
            "condition F of P\n  from S to I",
            "E0101",
            "After `from S` comes `by contagion`, `after DISTRIBUTION`, `at rate RATE`, "
            "`with probability P every PERIOD` or `when TEST`, not `to`",
            "from STATE",
            (3, 10),
        ),
        ("condition F of P\n  from S by contagoin to I", "E0101", "`contagion`, not `contagoin`", "", (3, 13)),
        ("condition F of P\n  from I after fixed(2 days)", "E0101", "comes `to`, not the end", "", (3, 29)),
        ("condition F of P\n  stats S", "E0101", "no clause `stats`. Did you mean `states`?", "`states`", (3, 3)),
        ("intervention c\n  start on 2024-10-01", "E0101", "`start` is a clause of `condition`", "`starts`", (3, 3)),
        ("intervention c\n  starts when x > 3", "E0101", "does not compare", "rises above LEVEL", (3, 17)),
        ("intervention c\n  every day", "E0101", "does not say what happens", "set ATTRIBUTE", (3, 12)),
        ("agent P\n  age durration", "E0101", "No type `durration`. Did you mean `duration`?", "yes/no", (3, 7)),
        ("check always a < b < c", "E0101", "Comparisons do not chain", "x < 1", (2, 20)),
        ("check always a = b", "E0101", "`=` does not compare", "Write `is`", (2, 16)),
        ("check always a ≥ b", "E0101", "`≥` is not part of the language", "Write `>=`", (2, 16)),
        ("parameter x = (1 + 2\nparameter y = 2", "E0101", "This `(` is not closed", "Type `)`", (2, 15)),
        ("parameter x = y per day", "E0101", "A unit belongs directly after a number", "`2 per day`", (2, 17)),
        ("parameter x = 3 per tie", "E0101", "`per tie` belongs after `with` in a network", "", (2, 17)),
        ("parameter x = 1\n  between 1 to 2", "E0101", "After `between 1` comes `and`", "between LOW", (3, 13)),
        ("table t by g of share\n  child", "E0101", "This row has no value", "CATEGORY VALUE", (3, 8)),
        ("clock\n  step 1 day\n  from 2024-13-01 for 2 days", "E0101", "There is no day `2024-13-01`", "", (4, 8)),
        ("paramter x = 1", "E0102", "Did you mean `parameter`?", "starts with a word", (2, 1)),
        ("clock\n  step 1 day\n  for 2 days\nparamter x = 1", "E0102", "Did you mean `parameter`?", "", (5, 1)),
        ("step 1 day", "E0102", "It is a clause of `clock`", "", (2, 1)),
        ("stock lake number\n  starts at 1", "E0103", "(`stock`) are not there yet", "", (2, 1)),
        ('stock b of P\n  "odd', "E0103", "(`stock`)", "", (2, 1)),
        ('behaviour b of P\n  "odd"', "E0101", "`behaviour` has no clause", "starts with `decides`", (3, 3)),
        (
            "behaviour b of P\n  decides yes/no into x\n  asks 2 times per archetype\n  otherwise no",
            "E0101",
            "The prompt is missing",
            "lines of its own",
            (5, 3),
        ),
        ("behaviour b of P\n  remembers last 3 decisions", "E0101", "comes `the`", "the last NUMBER", (3, 13)),
        ("behaviour b of P\n  every week", "E0112", "what it decides", "decides yes/no into", (2, 1)),
        ("behaviour b of P\n  decides yes/no into x", "E0112", "when it decides", "every week", (2, 1)),
        ("network n joins P within 3 m", "E0103", "`within`", "", (2, 1)),
        ("condition G of cell of meadow\n  states S", "E0103", "cells", "", (2, 1)),
        ("intervention c\n  every day\n    die", "E0103", "`die`", "", (4, 5)),
        ("intervention c\n  every day\n    move to a random cell", "E0103", "`move to …`", "", (4, 10)),
        ("agent P\n  on meadow at random", "E0103", "`on` a space", "", (3, 3)),
        ("parameter with = 3", "E0109", "`with` is a word of the language", "Choose another name", (2, 11)),
        ('use "lpm', "E0110", "does not end on its line", 'Close it with `"`', (2, 5)),
        ("clock\n  step 1 day\n  step 2 days\n  for 3 days", "E0111", "`step` is written twice", "", (4, 3)),
        ("condition F of P\n  states S\n  start S\n  states I", "E0111", "`states` is written twice", "", (5, 3)),
        ("library n", "E0111", "one header", "", (2, 1)),
        ("clock\n  for 3 days", "E0112", "how long a step is", "step 1 day", (2, 1)),
        ("clock\n  step 3 days", "E0112", "for how long to run", "for 180 days", (2, 1)),
        ("condition F of P\n  states S", "E0112", "who starts where", "start S", (2, 1)),
        ("condition F of P\n  start S", "E0112", "does not name its states", "states S", (2, 1)),
        ("contagion of F", "E0112", "who infects", "from I on", (2, 1)),
        ("calibrate\n  estimate a", "E0112", "what to fit", "fit", (2, 1)),
        ('calibrate\n  fit x to "x" column c with poisson', "E0112", "what to estimate", "estimate", (2, 1)),
        ("table t of share", "E0112", "no rows", "from", (2, 1)),
        ("parameter x = 2 fortnights", "E0113", "No unit `fortnights`", "`weeks`", (2, 17)),
        ("parameter x = 2 dayz", "E0113", "Did you mean `day`?", "", (2, 17)),
        ("parameter x = 2 per dayz", "E0113", "Did you mean `day`?", "", (2, 21)),
        ("parameter x = 2 beta", "E0113", "No unit `beta`", "`2 * beta`", (2, 17)),
        ("observe x = count of P every fortnight", "E0113", "No unit `fortnight`", "", (2, 30)),
        ("table t of share\n  a 3 fortnights\n", "E0113", "No unit `fortnights`", "", (3, 17)),
    ],
)
def test_mistakes_are_explained(text: str, code: str, message: str, help: str, place: tuple[int, int]) -> None:
    found = mistake(text)
    assert found.code == code
    assert message in found.message
    assert help in found.help
    assert (found.span.line, found.span.column) == place
    assert "__" not in found.message
    render_text(found)
    render_json(found)


def test_a_calibration_or_condition_with_nothing_misses_two_clauses() -> None:
    # Both are at the same place: the report keeps one for each code and place.
    assert codes("condition F of P") == ["E0112"]
    assert codes("calibrate") == ["E0112"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "clock\n  step 1 day\n  for 2 days\n", "\n\n"])
def test_a_missing_header(text: str) -> None:
    report = Report()
    parse(Source("m", text), report)
    assert [d.code for d in report.diagnostics] == ["E0108"]
    render_text(report.diagnostics[0])


def test_a_misspelled_header_is_one_mistake() -> None:
    report = Report()
    parse(Source("m", "modle m version 1.0\nparameter x = 1\n"), report)
    assert [(d.code, d.message[-22:]) for d in report.diagnostics] == [("E0102", " Did you mean `model`?")]


def test_what_nearly_is_a_declaration_may_be_an_attribute_or_a_row() -> None:
    assert codes("agent P\nages duration = 2 days\nagents number = 1") == ["W0114"]
    assert codes("table t of share\ntables 3 %") == ["W0114"]
    assert codes("agent P\n  x number\nagnet Q count 3") == ["E0102"]


# ------------------------------------------------------------------ hostile text


@pytest.mark.parametrize(
    "text",
    [
        "(" * 101 + "1" + ")" * 101,
        "(" * 5000,
        "not " * 101 + "a",
        "-" * 5000 + "a",
        "+".join("a" * 10_000),
        "^".join("a" * 5_000),
        "count of P where " * 2000 + "a",
        "f(" * 150 + "a" + ")" * 150,
    ],
    ids=lambda text: text[:12],
)
def test_depth_is_limited(text: str) -> None:
    assert codes(f"parameter x = {text}") == ["E0107"]


def test_reasonable_depth_is_fine() -> None:
    value("(" * 99 + "1" + ")" * 99)
    value("not " * 90 + "a")
    value(" + ".join("a" * 120))


@pytest.mark.parametrize(
    "text",
    ["\0", "((((", "))))", '"', "##", "é", "model", "model model", "\ufeff\ufeff", "\r", "a\rb", "use \t\v\f", "]["],
)
def test_no_text_raises(text: str) -> None:
    for whole in (text, HEADER + text, HEADER + "parameter x = " + text, HEADER + "agent P\n  " + text):
        report = Report()
        parse(Source("m", whole), report)
        for found in report.diagnostics:
            render_text(found)


def test_every_prefix_of_a_model_is_read_or_explained() -> None:
    text = HEADER + (
        "table t by g of share\n  a 3 %\nagent P count 5\n  x, y number ~ normal(mean 0, sd 1)\n"
        "condition F of P\n  states S, I\n  start S except 3 P in I\n  from S by contagion to I\n"
        'calibrate\n  fit x to "x" column c with poisson\n  estimate a by search\ncheck always mean of a over P < 3\n'
    )
    for end in range(0, len(text), 3):
        report = Report()
        parse(Source("m", text[:end]), report)
        assert all("__" not in d.message for d in report.diagnostics)


def test_a_file_of_nothing_but_mistakes_stops_early() -> None:
    _, report = read("paramter\n" * 2000)
    assert len(report.diagnostics) <= 201
    assert "the rest was not read" in report.diagnostics[-1].message


# ------------------------------------------------------------------ files


def refused(path: Path) -> str:
    report = Report()
    assert read_source(path, report) is None
    (found,) = report.diagnostics
    render_text(found)
    return found.code


def test_files_that_are_not_models(tmp_path: Path) -> None:
    (tmp_path / "zero.lpm").write_bytes(b"model m\0")
    (tmp_path / "latin.lpm").write_bytes("# é".encode("latin-1"))
    assert refused(tmp_path) == "E0104"
    assert refused(tmp_path / "none.lpm") == "E0104"
    assert refused(tmp_path / "a\0b") == "E0104"
    assert refused(tmp_path / "zero.lpm") == "E0106"
    assert refused(tmp_path / "latin.lpm") == "E0106"


def test_a_large_file_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "large.lpm"
    path.write_bytes(b"model m\n" * 1_250_000)
    began = time.perf_counter()
    assert refused(path) == "E0105"
    assert time.perf_counter() - began < 0.5
    report = Report()
    parse(Source("m", "x" * (MAX_BYTES + 1)), report)
    assert [d.code for d in report.diagnostics] == ["E0105"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.lpm"
    path.write_text(HEADER)
    path.chmod(0)
    assert refused(path) == "E0104"


# ------------------------------------------------------------------ the grammar


def test_the_only_choices_of_the_grammar_are_at_the_end_of_an_aggregate(caplog: pytest.LogCaptureFixture) -> None:
    text = (data_dir("grammar") / "lpm.lark").read_text(encoding="utf-8")
    closed = text.replace("    | aggregate\n", "\n").replace("[where] ->", "->")
    closed = closed.replace(' ["else" unary] -> linked', " -> linked")
    logger = lark.logger
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = True
    try:
        lark.Lark(
            closed,
            start="declaration",
            parser="lalr",
            lexer="contextual",
            maybe_placeholders=True,
            edit_terminals=grammar._complete,
            debug=True,  # type: ignore[arg-type]
        )
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
    choices = [r.message for r in caplog.records if "conflict" in r.message.lower()]
    # Without aggregates one choice is left: a comma after `F in I` goes on with the states.
    assert all("COMMA" in choice for choice in choices), choices


def test_every_word_of_the_grammar_has_a_name_for_its_messages() -> None:
    assert not [one.name for one in grammar.declaration_parser().terminals if one.name.startswith("__ANON")]


def test_every_unit_can_be_written() -> None:
    assert all(value(f"2 {name}").unit.parts == ((name, 1),) for name in UNITS)


def test_the_lexer_finds_the_terminals_that_larks_own_finds() -> None:
    """In every state that a text of ours comes to; and no terminal needs lark's way of telling a word from a name."""
    ours, larks = parser(ContextualLexer=LexerByContext), parser()
    paths = [*data_dir("stdlib").rglob("*.lpm"), *(data_dir("docs").parent / "models").glob("*.lpm")]
    texts = [chunk.text for path in paths for chunk in chunks_of(path) if chunk.text]
    assert len(texts) > 150
    for text in texts:
        mine, theirs = (list(one.parse_interactive(text).iter_parse()) for one in (ours, larks))
        assert [(t.type, str(t), t.start_pos) for t in mine] == [(t.type, str(t), t.start_pos) for t in theirs]
    for lexer in larks.parser.lexer.lexers.values():  # type: ignore[attr-defined]
        assert _create_unless(lexer.terminals, 0, re, False)[1] == {}


def parser(**plugins: object) -> lark.Lark:
    """The grammar's tables, just made."""
    return lark.Lark(
        (data_dir("grammar") / "lpm.lark").read_text(encoding="utf-8"),
        start="declaration",
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
        edit_terminals=grammar._complete,
        _plugins=plugins,  # type: ignore[arg-type]
    )


def chunks_of(path: Path) -> list[Chunk]:
    """The declarations of a file."""
    source = Source(path.name, path.read_text(encoding="utf-8"), path)
    return [chunk for chunk, _ in split(source, lines_of(source))]
