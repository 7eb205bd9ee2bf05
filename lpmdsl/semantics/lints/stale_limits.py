"""Limits worked out from reports of what the block itself does: what was left at the last report may be spent twice."""

from __future__ import annotations

from collections.abc import Iterator

from lpmdsl.diagnostics import Report
from lpmdsl.semantics import model
from lpmdsl.semantics.context import text_of


def check_stale_limits(checked: model.Model, report: Report) -> None:
    """Warns (W0728) where a block's number reads a count of what it does, which lags or which another block reads too.

    One block alone whose number reads a level of every step is right: nothing happens between the look and the act.
    """
    blocks = [b for i in checked.interventions for b in i.repeated if b.at_most is not None]
    for block in blocks:
        for name in sorted(_read(checked, block.at_most)):
            observation = checked.observation(name)
            spenders = [b for b in blocks if name in _read(checked, b.at_most) and _counts(observation, b)]
            is_fresh = isinstance(observation.value, model.Level) and observation.every <= checked.clock.step
            if block not in spenders or (len(spenders) == 1 and is_fresh):
                continue
            assert block.at_most is not None
            who = "several blocks spend it" if len(spenders) > 1 else "more has been done since"
            report.add("W0728", f"{text_of(block.at_most.span)} is what was left at the last report of `{name}`, and "
                       f"{who}: the limit does not hold.", block.at_most.span,
                       f"Write `at most NUMBER {block.of} together every day` first in the intervention.")  # fmt: skip


def _read(checked: model.Model, expr: model.Expr | None) -> set[str]:
    """The observations of people that a number reads, also through formulas."""
    found: set[str] = set()
    for part in model.walk(expr) if expr is not None else ():
        if isinstance(part, model.ObservationRef | model.Rolling):
            value = checked.observation(part.observation).value
            inner = _read(checked, value.formula) if isinstance(value, model.Derived) else {part.observation}
            found |= inner
    return found


def _counts(observation: model.Observation, block: model.Repeated) -> bool:
    """Return True if an observation counts what a block does."""
    sets = {a.attribute for a in block.done if isinstance(a, model.SetAttribute)}
    moves = {(a.condition, a.state) for a in block.done if isinstance(a, model.ForceMove)}
    if isinstance(observation.value, model.Flow):
        return any((observation.value.condition, s) in moves for s in observation.value.states)
    return any(
        (isinstance(e, model.AttributeRef) and e.of == block.of and e.name in sets)
        or (isinstance(e, model.InState) and any(c == e.condition for c, _ in moves))
        for e in _tests(observation)
    )


def _tests(observation: model.Observation) -> Iterator[model.Expr]:
    value = observation.value
    tests = [value.aggregate.where, value.aggregate.what] if isinstance(value, model.Level) else []
    for expr in (*tests, observation.where):
        if expr is not None:
            yield from model.walk(expr)
