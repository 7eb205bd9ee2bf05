"""Whole declarations of the syntax tree, from their clauses."""

from __future__ import annotations

from lark.tree import Meta

from lpmdsl.syntax import tree as t
from lpmdsl.syntax.build.expressions import Children, Clause, unquoted
from lpmdsl.syntax.build.rules import RuleBuilder


class TreeBuilder(RuleBuilder):
    """Makes the declaration of one chunk."""

    def header(self, meta: Meta, c: Children) -> t.Header:
        version = None if c[2] is None else str(c[2])
        return t.Header(str(c[0]), self.named(c[1]), version, self.doc(meta), self.span(meta))

    def only_item(self, meta: Meta, c: Children) -> t.UseItem:
        return t.UseItem(str(c[0]), self.named(c[1]), self.span(meta))

    def only(self, meta: Meta, c: Children) -> tuple[t.UseItem, ...]:
        return tuple(c)

    def setting(self, meta: Meta, c: Children) -> tuple[t.Name, t.Expr]:
        return self.named(c[0]), c[1]

    def settings(self, meta: Meta, c: Children) -> tuple[tuple[t.Name, t.Expr], ...]:
        return tuple(c)

    def use(self, meta: Meta, c: Children) -> t.Use:
        path, version, only, alias, settings = c
        return t.Use(
            unquoted(path),
            self.token_span(path),
            None if version is None else str(version),
            only or (),
            self.maybe_named(alias),
            settings or (),
            self.doc(meta),
            self.span(meta),
        )

    def clock(self, meta: Meta, c: Children) -> t.Clock:
        clauses = self.clauses(c)
        step, (start, duration) = clauses.one("step"), clauses.one("span", "for") or (None, None)
        if step is None:
            self.missing("`clock` does not say how long a step is", meta, "Add a line such as `step 1 day`")
        if duration is None:
            self.missing("`clock` does not say for how long to run", meta, "Add a line such as `for 180 days`")
        return t.Clock(step, start, duration, self.doc(meta), self.span(meta), clauses.one("ending"))

    def ending(self, meta: Meta, c: Children) -> Clause:
        return self._clause("ending", t.Ending(c[0], self.maybe_named(c[1]), self.span(meta)), meta)

    def parameter(self, meta: Meta, c: Children) -> t.Parameter:
        clauses = self.clauses(c)
        prior, (low, high) = clauses.one("prior"), clauses.one("between") or (None, None)
        name, (every, by), covariates, value, walk, *_ = c[0], c[1] or (None, ()), *c[2:]
        return t.Parameter(
            self.named(name),
            value,
            prior,
            low,
            high,
            clauses.one("source"),
            self.doc(meta),
            self.span(meta),
            every,
            by,
            clauses.all("row"),
            walk,
            covariates,
        )

    def parts(self, meta: Meta, c: Children) -> tuple[t.Quantity | None, tuple[t.Name, ...]]:
        return c[0], c[1] or ()

    def parts_by(self, meta: Meta, c: Children) -> tuple[t.Quantity | None, tuple[t.Name, ...]]:
        return None, c[0]

    def covariates(self, meta: Meta, c: Children) -> t.Covariates:
        return t.Covariates(unquoted(c[0]), self.token_span(c[0]), self._float(c[1]), self.span(meta))

    def walk(self, meta: Meta, c: Children) -> t.Distribution:
        return c[0]

    def table_file(self, meta: Meta, c: Children) -> Clause:
        return Clause("file", (c[0], None if c[1] is None else self.named(c[1])), self.token_span(c[0]))

    def table(self, meta: Meta, c: Children) -> t.Table:
        name, by, over, of, file, *_ = c
        clauses = self.clauses(c)
        rows, points = clauses.all("row"), clauses.all("point")
        if file is None and not rows and not points:
            example = "child 0.5 %" if over is None else "at 4 days 1.6"
            help = f'Add rows such as `{example}`, or `from "file.csv" column c`'
            self.missing("This table has no rows", meta, help)
        path, column = (unquoted(file.value[0]), file.value[1]) if file else (None, None)
        return t.Table(
            self.named(name),
            by or (),
            of,
            path,
            file.span if file else None,
            column,
            rows,
            clauses.one("source"),
            self.doc(meta),
            self.span(meta),
            over,
            points,
        )

    def along(self, meta: Meta, c: Children) -> t.Name:
        return self.named(c[0])

    # -------------------------------------------------------------- agents and networks

    def count(self, meta: Meta, c: Children) -> Clause:
        return Clause("count", (c[0], c[1]), self.span(meta))

    def agent_file(self, meta: Meta, c: Children) -> Clause:
        return Clause("file", unquoted(c[0]), self.token_span(c[0]))

    def agent(self, meta: Meta, c: Children) -> t.Agent:
        name, count, file, *_ = c
        number, at_most = count.value if count else (None, None)
        return t.Agent(
            self.named(name),
            False,
            number,
            at_most,
            file.value if file else None,
            file.span if file else None,
            self.clauses(c).joined("attributes"),
            self.doc(meta),
            self.span(meta),
        )

    def extend(self, meta: Meta, c: Children) -> t.Agent:
        attributes = self.clauses(c).joined("attributes")
        return t.Agent(self.named(c[0]), True, None, None, None, None, attributes, self.doc(meta), self.span(meta))

    def sharing(self, meta: Meta, c: Children) -> t.Sharing:
        return t.Sharing(self.named(c[0]), self.span(meta))

    def at_random(self, meta: Meta, c: Children) -> t.AtRandom:
        return t.AtRandom(self.maybe_named(c[0]), self.span(meta))

    def generated(self, meta: Meta, c: Children) -> t.Generated:
        return t.Generated(c[0], self.span(meta))

    def from_file(self, meta: Meta, c: Children) -> t.FromFile:
        return t.FromFile(unquoted(c[0]), self.token_span(c[0]))

    def contacts(self, meta: Meta, c: Children) -> tuple[t.Expr, bool]:
        return c[0], c[1] is not None

    def network(self, meta: Meta, c: Children) -> t.Network:
        name, joins, to, how, redrawn, directed, back, where, contacts, days, closed, *_ = c
        rate, per_tie = contacts or (None, False)
        return t.Network(
            self.named(name),
            self.named(joins),
            self.maybe_named(to),
            how,
            rate,
            per_tie,
            None if days is None else str(days),
            self.doc(meta),
            self.span(meta),
            where,
            closed or (),
            None if directed is None else self.token_span(directed),
            back,
            self.clauses(c).joined("attributes"),
            redrawn,
        )

    def redrawn(self, meta: Meta, c: Children) -> t.Quantity:
        return c[0]

    def closed(self, meta: Meta, c: Children) -> tuple[tuple[t.Date, t.Date | None], ...]:
        return tuple(c)

    def closing(self, meta: Meta, c: Children) -> tuple[t.Date, t.Date | None]:
        return self.dated(c[0]), None if c[1] is None else self.dated(c[1])

    # -------------------------------------------------------------- conditions and contagions

    def condition(self, meta: Meta, c: Children) -> t.Condition:
        clauses = self.clauses(c)
        states, start = clauses.one("states"), clauses.one("start")
        if states is None:
            self.missing("This condition does not name its states", meta, "Add a line such as `states S, I, R`")
        if start is None:
            help = "Add a line such as `start S except 10 Person in I`"
            self.missing("This condition does not say who starts where", meta, help)
        return t.Condition(
            self.named(c[0]),
            self.named(c[1]),
            states or (),
            start,
            clauses.all("exit"),
            clauses.all("while"),
            clauses.all("entering"),
            clauses.one("removed", "removed in") or (),
            self.doc(meta),
            self.span(meta),
            clauses.one("at most one of") or (),
            clauses.one("seen", "seen in") or (),
        )

    def contagion(self, meta: Meta, c: Children) -> t.Contagion:
        clauses = self.clauses(c)
        spreads = clauses.all("spread")
        if not spreads:
            help = "Add a line such as `from I on homes at transmissibility`"
            self.missing("This contagion does not say who infects", meta, help)
        scalings, remembers = clauses.all("scaled"), clauses.one("remembered", "remembers")
        return t.Contagion(self.named(c[0]), spreads, scalings, self.doc(meta), self.span(meta), remembers)

    def remembered(self, meta: Meta, c: Children) -> Clause:
        return Clause("remembered", self.named(c[0]), self.span(meta))

    # -------------------------------------------------------------- observations and interventions

    def flow(self, meta: Meta, c: Children) -> Clause:
        cumulative, _, (origins, states), of, per, among, where = c
        span = self.span(meta)
        total = "" if cumulative else "; a running total is `observe cumulative = total of NAME` of that"
        per = per or self._a_day(meta, "Those who enter are counted over a period", " per day", total)
        made = t.Flow(states, of and self.named(of), per, span, origins, cumulative is not None, among)
        return Clause("flow", (made, where), span)

    def per_people(self, meta: Meta, c: Children) -> t.Quantity:
        if c[0].value <= 0:
            self.error("So many people are more than none", c[0].span, "Write `per 100_000`")
        return c[0]

    def _a_day(self, meta: Meta, message: str, period: str, help: str) -> t.Quantity:
        """A day in place of a period that is missing, after an error."""
        span = self.span(meta)
        written = " ".join(self.text[meta.start_pos : meta.end_pos].split())
        self.error(message, span, f"Write `{written}{period}`{help}")
        return t.Quantity(1.0, False, None, t.Unit((("day", 1),), span), "day", span)

    def spending(self, meta: Meta, c: Children) -> Clause:
        *words, per, where = c
        span = self.span(meta)
        total = "; a running total is `observe all_spent = total of NAME` of that"
        per = per or self._a_day(meta, "Money is spent over a period", " per week", total)
        names = tuple(self.named(token) for token in words if token.type == "NAME")
        return Clause("spending", (t.Spending(names, per, span), where), span)

    def reached(self, meta: Meta, c: Children) -> Clause:
        cumulative, _, *words, per, among, where = c
        span = self.span(meta)
        message = "Those whom an intervention reaches are counted over a period"
        per = per or self._a_day(meta, message, " per day", "; of a state or a test it is `count of KIND where …`")
        names = tuple(self.named(token) for token in words)
        return Clause("spending", (t.Spending(names, per, span, True, cumulative is not None, among), where), span)

    def entered(self, meta: Meta, c: Children) -> tuple[tuple[t.Name, ...], tuple[t.Name, ...]]:
        return (), c[0]

    def between_states(self, meta: Meta, c: Children) -> tuple[tuple[t.Name, ...], tuple[t.Name, ...]]:
        return c[0], c[1]

    def by(self, meta: Meta, c: Children) -> tuple[t.Name, ...]:
        return tuple(self.named(token) for token in c if token.type == "NAME")

    def at_once(self, meta: Meta, c: Children) -> t.Distribution:
        span = self.span(meta)
        return t.Distribution(t.Name("fixed", span), (t.Argument(None, c[0], span),), span)

    def thinned(self, meta: Meta, c: Children) -> t.Expr:
        return c[0]

    def delayed(self, meta: Meta, c: Children) -> t.Distribution:
        return c[0]

    def every(self, meta: Meta, c: Children) -> t.Quantity:
        return c[0]

    def observe(self, meta: Meta, c: Children) -> t.Observe:
        name, value, by, thinned, delayed, every = c
        where = None
        if isinstance(value, Clause):
            value, where = value.value
        return t.Observe(
            self.named(name), value, where, by or (), thinned, delayed, every, self.doc(meta), self.span(meta)
        )

    def intervention(self, meta: Meta, c: Children) -> t.Intervention:
        clauses = self.clauses(c)
        return t.Intervention(
            self.named(c[0]),
            clauses.one("starts"),
            clauses.one("stops"),
            clauses.all("repeated"),
            clauses.all("active"),
            clauses.one("costs"),
            self.doc(meta),
            self.span(meta),
            clauses.one("together"),
            self.named(c[1]) if c[1] is not None else None,
        )

    # -------------------------------------------------------------- calibration, scenarios, comparisons, checks

    def calibrate(self, meta: Meta, c: Children) -> t.Calibrate:
        clauses = self.clauses(c)
        fits, (names, method) = clauses.all("fit"), clauses.one("estimate") or ((), None)
        if not fits:
            help = 'Add a line such as `fit cases to "cases.csv" column cases with poisson`'
            self.missing("`calibrate` does not say what to fit", meta, help)
        if not names:
            help = "Add a line such as `estimate beta by sampling`"
            self.missing("`calibrate` does not say what to estimate", meta, help)
        return t.Calibrate(fits, names, method, clauses.one("hold out"), self.doc(meta), self.span(meta))

    def scenario(self, meta: Meta, c: Children) -> t.Scenario:
        clauses = self.clauses(c)
        return t.Scenario(
            self.named(c[0]),
            clauses.joined("without"),
            clauses.joined("with"),
            clauses.all("change"),
            self.doc(meta),
            self.span(meta),
        )

    def compare(self, meta: Meta, c: Children) -> t.Compare:
        clauses = self.clauses(c)
        return t.Compare(
            c[0], self.named(c[1]), clauses.one("repeat"), clauses.one("report") or (), self.doc(meta), self.span(meta)
        )

    def check_always(self, meta: Meta, c: Children) -> t.CheckAlways:
        low, high = c[1].value if c[1] else (None, None)
        return t.CheckAlways(c[0], low, high, self.doc(meta), self.span(meta))

    def check_quantity(self, meta: Meta, c: Children) -> t.CheckQuantity:
        low, high = c[2].value
        return t.CheckQuantity(self.named(c[0]), self.named(c[1]), low, high, self.doc(meta), self.span(meta))
