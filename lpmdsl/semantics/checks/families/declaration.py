"""Families of parameters: pieces in time and values by label, each a parameter of its own.

``parameter beta every 4 weeks`` becomes ``beta[1]``, ``beta[2]``, … and ``beta``, which is the one whose piece of time
it is; ``parameter beta by borough`` becomes ``beta[Bronx]``, …, of which an agent reads the one with its own label.
"""

from __future__ import annotations

import datetime
import itertools
import re
from dataclasses import dataclass, replace

from lpmdsl.diagnostics import Label, did_you_mean, instead
from lpmdsl.semantics import model
from lpmdsl.semantics.checks.families.covariates import with_network
from lpmdsl.semantics.checks.families.walks import with_walk
from lpmdsl.semantics.checks.tables.keys import key_labels
from lpmdsl.semantics.checks.values.periods import Period, check_period
from lpmdsl.semantics.context import Context, Family, part_name, piece_numbers, text_of
from lpmdsl.semantics.host.calendar import months_later
from lpmdsl.semantics.resolve.tree_walk import rename
from lpmdsl.source import Span
from lpmdsl.syntax import tree

MOST_PARTS = 500
_IN_NAMES = re.compile(r"[\w .+'-]+")
"""Labels that can stand in the name of a parameter: on a command line, in a file of draws, in a page."""


def expanded(ctx: Context, clock: model.Clock) -> dict[str, tree.Parameter]:
    """All parameters by name, families taken apart, which are entered in ``ctx.families``; what is wrong is reported
    (E0930 to E0935) and its name broken."""
    found: dict[str, tree.Parameter] = {}
    for name, written in ctx.names.parameters().items():
        if not written.is_family:
            _no_family(ctx, written)
            found[name] = written
            continue
        made = _Parts(ctx, written, clock).made()
        if made is None:
            ctx.broken.add(name)
        else:
            found |= made
    return found


def _no_family(ctx: Context, written: tree.Parameter) -> None:
    """Reports rows and steps of a parameter that is one number (E0930)."""
    name = written.name.id
    for row in written.rows[:1]:
        ctx.report.add(
            "E0930", f"`{name}` is one number, and this line gives a value to a part of it.", row.span,
            f"Write `parameter {name} by ATTRIBUTE = …` or `parameter {name} every 4 weeks = …`.",
            ctx.declared(name),
        )  # fmt: skip
    if written.walk is not None:
        ctx.report.add(
            "E0930", f"`{name}` is one number, so there are no steps from one to the next.", written.walk.span,
            f"Write `parameter {name} every 4 weeks = …`, or what is believed of it on a line `prior …`.",
        )  # fmt: skip
    if written.covariates is not None:
        ctx.report.add(
            "E0930", f"`{name}` is one number, and a network gives several.", written.covariates.span,
            f"Write `parameter {name} every 4 weeks from …` or `parameter {name} by ATTRIBUTE from …`.",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Parts:
    """One family on its way to its parts."""

    ctx: Context
    written: tree.Parameter
    clock: model.Clock

    def made(self) -> dict[str, tree.Parameter] | None:
        """The parameters of the family by name, parts first; None after a report."""
        written, name = self.written, self.written.name.id
        ends = self._ends()
        keys = key_labels(self.ctx, written.by, written.rows, "a parameter")
        if ends is None or keys is None or not self._fit(keys):
            return None
        numbers = (piece_numbers(ends),) if written.every is not None else ()
        rows = self._rows((*numbers, *keys))
        if rows is None or not self._few((*numbers, *keys)):
            return None
        combinations = tuple(itertools.product(*numbers, *keys))
        parts = {labels: self._part(labels, rows.get(labels)) for labels in combinations}
        made = self._believed(parts)
        if made is None:
            return None
        names = tuple(part.name.id for part in made.values())
        family = Family(written, ends if numbers else None, tuple(n.id for n in written.by), keys, names)
        self.ctx.families[name] = family
        over_time = [self._over_time(labels, ends) for labels in itertools.product(*keys)] if numbers else []
        return {part.name.id: part for part in (*made.values(), *over_time)}

    def _believed(self, parts: dict[tuple[str, ...], tree.Parameter]) -> dict[tuple[str, ...], tree.Parameter] | None:
        """The parts with the priors that a walk or a network gives them; None after a report."""
        if self.written.covariates is not None:
            found = with_network(self.ctx, self.written, parts)
            if found is None:
                return None
            self.ctx.nets[self.written.name.id] = found[1]
            return found[0]
        return parts if self.written.walk is None else with_walk(self.ctx, self.written, parts)

    def _part(self, labels: tuple[str, ...], row: tree.TableRow | None) -> tree.Parameter:
        name = tree.Name(part_name(self.written.name.id, labels), self.written.name.span)
        value = self.written.value if row is None else row.value
        return replace(self.written, name=name, value=value, every=None, by=(), rows=(), walk=None, covariates=None)

    def _over_time(self, labels: tuple[str, ...], ends: tuple[float, ...]) -> tree.Parameter:
        """The parameter that is, at each time, the piece of then."""
        family, span = self.written.name.id, self.written.name.span
        pieces = [tree.Name(part_name(family, (number, *labels)), span) for number in piece_numbers(ends)]
        name = tree.Name(part_name(family, labels), self.written.name.span)
        return tree.Parameter(name, _at_its_time(pieces, ends, span), None, None, None, None, self.written.doc, span)

    # -------------------------------------------------------------- pieces of time

    def _ends(self) -> tuple[float, ...] | None:
        """Days after the start at which one piece gives way to the next; None after a report."""
        if self.written.every is None:
            return ()
        period = check_period(self.ctx, self.written.every, f"A piece of `{self.written.name.id}`")
        if period is None:
            return None
        ends: list[float] = []
        duration = self.clock.steps * self.clock.step
        for k in itertools.count(1):
            # The same product as that with which a run tells the time.
            end = round(self._days(period, k) / self.clock.step) * self.clock.step
            if end >= duration or len(ends) > MOST_PARTS:
                return tuple(ends)
            ends.append(end)
        raise AssertionError("a run ends")

    def _days(self, period: Period, k: int) -> float:
        if not period.months or self.clock.start is None:
            return k * period.days
        first = datetime.date.fromisoformat(self.clock.start)
        return float((months_later(first, k * period.months) - first).days)

    def _few(self, keys: tuple[tuple[str, ...], ...]) -> bool:
        count = 1
        for labels in keys:
            count *= len(labels)
        if count <= MOST_PARTS:
            return True
        place = self.written.every or self.written.by[0]
        self.ctx.report.add(
            "E0933", f"`{self.written.name.id}` would be more than {MOST_PARTS} parameters.", place.span,
            "Write a longer period, or an attribute with fewer labels.",
        )  # fmt: skip
        return False

    # -------------------------------------------------------------- labels

    def _fit(self, keys: tuple[tuple[str, ...], ...]) -> bool:
        """Return True if the labels can stand in the names of parameters; else E0934."""
        for by, labels in zip(self.written.by, keys, strict=True):
            for label in labels:
                if not _IN_NAMES.fullmatch(label):
                    self.ctx.report.add(
                        "E0934", f"The label `{label}` of `{by.id}` cannot stand in the name of a parameter, "
                        f"`{self.written.name.id}[…]`.", by.span,
                        "Rename the label: letters, digits, spaces and `_ . + ' -` can.", self.ctx.declared(by.id),
                    )  # fmt: skip
                    return False
        return True

    def _rows(self, keys: tuple[tuple[str, ...], ...]) -> dict[tuple[str, ...], tree.TableRow] | None:
        """The rows by their labels; None after reporting one of no part or of one that has a row (E0931)."""
        found: dict[tuple[str, ...], tree.TableRow] = {}
        for row in self.written.rows:
            labels = tuple(key.id for key in row.keys)
            if not self._is_of_a_part(row, keys):
                return None
            if labels in found:
                first = [Label(found[labels].span, "first written here")]
                told = f"The part `{' '.join(labels)}` has two values."
                self.ctx.report.add("E0931", told, row.span, "Delete one of them.", first)
                return None
            found[labels] = row
        return found

    def _is_of_a_part(self, row: tree.TableRow, keys: tuple[tuple[str, ...], ...]) -> bool:
        """Return True if a row begins with what tells a part from the others; else E0931."""
        name, report = self.written.name.id, self.ctx.report
        axes = ["the number of a piece of time"] if self.written.every is not None else []
        axes += [f"a label of `{n.id}`" for n in self.written.by]
        if len(row.keys) != len(keys):
            told = f"This row begins with {len(row.keys)} labels, and `{name}` has {len(keys)}."
            report.add("E0931", told, row.span, f"A row is {', '.join(axes)}, and the value.")
            return False
        for key, labels, axis in zip(row.keys, keys, axes, strict=True):
            if key.id not in labels:
                few = ", ".join(labels) if len(labels) < 20 else f"{labels[0]} to {labels[-1]}"
                told = f"`{key.id}` is not {axis} of `{name}`.{did_you_mean(key.id, labels)}"
                report.add("E0931", told, key.span, f"It has {few}.", fixes=instead(key.span, key.id, labels))
                return False
        return True


def _at_its_time(pieces: list[tree.Name], ends: tuple[float, ...], span: Span) -> tree.Expr:
    """The choice of the piece of time that a run has reached, in halves: as deep as the logarithm of their number."""
    if len(pieces) == 1:
        return pieces[0]
    half = len(pieces) // 2
    end = tree.Quantity(ends[half - 1], False, None, tree.Unit((("days", 1),), span), f"{ends[half - 1]:g} days", span)
    early = tree.Binary("<", tree.Name("time", span), end, span)
    before, after = (
        _at_its_time(pieces[:half], ends[: half - 1], span),
        _at_its_time(pieces[half:], ends[half:], span),
    )
    return tree.Choice(((before, early),), after, span)


# ------------------------------------------------------------------ changes of parts


def changed_parts(ctx: Context, change: tree.Change) -> tuple[tree.Change, ...]:
    """The changes of single parameters that a change is: of each part of a family, in which the family's name stands
    for that part; () after a report."""
    family = ctx.families.get(change.target.id)
    if family is None:
        if change.part and change.target.id not in ctx.broken:
            ctx.report.add("E0930", f"{text_of(change.target.span)} is no family of parameters, so it has no parts.",
                           change.span, "Leave the brackets out.", ctx.declared(change.target.id))  # fmt: skip
            return ()
        return (change,)
    if change.part:
        name = part_name(change.target.id, tuple(label.id for label in change.part))
        if name not in family.parts and name not in ctx.parameters:
            no_part(ctx, family, name, change.part[0].span.to(change.part[-1].span))
            return ()
        return (replace(change, target=replace(change.target, id=name), part=()),)
    return tuple(
        replace(change, target=replace(change.target, id=part), value=rename(change.value, {change.target.id: part}))
        for part in family.parts
    )


def no_part(ctx: Context, family: Family, name: str, span: Span) -> None:
    """Reports a part that a family does not have (E0931)."""
    ctx.report.add(
        "E0931", f"There is no `{name}`.", span,
        f"`{family.name}` has {', '.join(f'`{p}`' for p in family.parts[:8])}{', …' * (len(family.parts) > 8)}.",
        ctx.declared(family.name),
    )  # fmt: skip
