"""Satisfiability of a test of an agent: true for somebody, over all that its attributes and states may be together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

from lpmdsl.distributions.table import BOUNDED
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import Decide, ReadAs, Scheduled, events
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds, by_kind, within_arguments
from lpmdsl.semantics.functions import Bounds

MOST_COMBINATIONS = 2_000


def can_hold(test: m.Expr, known: Knowledge) -> bool:
    """Return True if a test may be true for some agent: over every combination of categories, yes/no and states, and
    of the pieces into which the numbers of the test cut what is a number."""
    refs = {e.name: e for e in m.walk(test) if isinstance(e, m.AttributeRef)}
    cuts = sorted({e.value for e in m.walk(test) if isinstance(e, m.Literal_)})
    attributes = _combinations(list(refs.values()), cuts, known)
    together = itertools.product(attributes, _inside(test, known))
    combinations = list(itertools.islice(together, MOST_COMBINATIONS + 1))
    if len(combinations) > MOST_COMBINATIONS:
        return True
    return any(bounds(test, replace(known, attributes=c, states=s))[1] > 0 for c, s in combinations)


def _inside(test: m.Expr, known: Knowledge) -> list[dict[str, frozenset[int]]]:
    """In which states one is of each condition that is asked for: of those alike to the test, one."""
    asked: dict[str, set[tuple[int, ...]]] = {}
    for e in m.walk(test):
        if isinstance(e, m.InState):
            asked.setdefault(e.condition, set()).add(e.states)
    choices: list[list[tuple[str, frozenset[int]]]] = []
    for name, tests in asked.items():
        possible = known.states.get(name, frozenset(range(len(known.model.condition(name).states))))
        alike = {tuple(state in states for states in sorted(tests)): state for state in sorted(possible)}
        choices.append([(name, frozenset({state})) for state in alike.values()])
    return [{**known.states, **dict(states)} for states in itertools.product(*choices)]


def _combinations(refs: list[m.AttributeRef], cuts: list[float], known: Knowledge) -> Iterator[dict[str, Bounds]]:
    """Bounds of the attributes together: a band holds its number within its cuts, a constant is what it is."""
    columns = {r.name: next(a for a in known.model.agent(r.of).attributes if a.name == r.name) for r in refs}
    small = [r for r in refs if r.type.kind in (Kind.CATEGORY, Kind.BOOLEAN)]
    wide = [r for r in refs if r not in small]
    choices = [_choices(r, columns[r.name], known) for r in small]
    choices += [_pieces(_number(r, columns[r.name], known), cuts) for r in wide]
    for combination in itertools.product(*choices):
        at = {r.name: value for r, value in zip([*small, *wide], combination, strict=True)}
        for r in small:
            column = columns[r.name]
            if column.band is not None and column.band[0] in at and not column.is_changed:
                at[column.band[0]] = _both(at[column.band[0]], _within(column.band[1], int(at[r.name][0]), known))
        if all(low <= high for low, high in at.values()):
            yield at


def _choices(ref: m.AttributeRef, column: m.Attribute, known: Knowledge) -> list[Bounds]:
    size = 2 if ref.type.kind is Kind.BOOLEAN else len(ref.type.labels)
    values, drawn = [column.value, *_set_to(ref, known)], set(range(size))
    if column.drawn is not None:
        values, drawn = values[1:], drawn - _never_drawn(column.drawn)
    elif column.band is None:
        drawn = set()
    if all(isinstance(v, m.Literal_) for v in values):
        return [(float(k), float(k)) for k in sorted({*drawn, *(v.value for v in values if isinstance(v, m.Literal_))})]
    return [(float(k), float(k)) for k in range(size)]


def _never_drawn(law: m.Distribution) -> set[int]:
    """The labels, or no and yes, whose chance is written as nothing; a parameter may be set to something."""
    weights = [w.value if isinstance(w, m.Literal_) else math.nan for w in law.weights]
    if law.family == "bernoulli":
        (chance,) = (e.value if isinstance(e, m.Literal_) else math.nan for _, e in law.arguments)
        weights = [1 - chance, chance]
    return {k for k, weight in enumerate(weights) if weight == 0}


def _set_to(ref: m.AttributeRef, known: Knowledge) -> list[m.Expr | None]:
    """Everything that something in the model can make of an attribute; what chooses by states needs one in them."""
    anyone, found = replace(known, attributes={}), []
    for event in (e for e in events(known.model) if e.of == ref.of):
        is_apart = isinstance(event.when, Scheduled) and not can_choose(event.guard, anyone)
        for effect in event.effects:
            if is_apart and not (isinstance(effect, m.SetAttribute) and effect.theirs):
                continue  # the guard is about who acts, not about whom it is done to
            match effect:
                case m.SetAttribute() | ReadAs() if effect.attribute == ref.name:
                    found.append(effect.value)
                case Decide() if effect.attribute == ref.name:
                    found.append(ref)  # whatever the attribute itself can be
                case _:
                    pass
    return found


def can_choose(guard: m.Expr | None, known: Knowledge) -> bool:
    """Return True if a choice of agents by ``guard`` may find somebody, as far as states show."""
    return guard is None or bounds(guard, known)[1] > 0


def _number(ref: m.AttributeRef, column: m.Attribute, known: Knowledge) -> Bounds:
    if column.is_changed or column.drawn is None or column.drawn.family not in BOUNDED:
        return by_kind(ref)
    return within_arguments(column.drawn, known)


def _pieces(whole: Bounds, cuts: list[float]) -> list[Bounds]:
    """Pieces between the cuts, and the cuts themselves."""
    inner = [c for c in cuts if whole[0] <= c <= whole[1]]
    ends = [whole[0], *inner, whole[1]]
    between = [(math.nextafter(a, math.inf) if a in inner else a, math.nextafter(b, -math.inf) if b in inner else b)
               for a, b in itertools.pairwise(ends)]  # fmt: skip
    return [(low, high) for low, high in between if low <= high] + [(c, c) for c in inner]


def _within(cuts: tuple[m.Expr, ...], label: int, known: Knowledge) -> Bounds:
    edges = [bounds(c, known) for c in cuts]
    low = edges[label - 1][0] if label > 0 else -math.inf
    # A band ends before its upper cut.
    high = math.nextafter(edges[label][1], -math.inf) if label < len(edges) else math.inf
    return low, high


def _both(a: Bounds, b: Bounds) -> Bounds:
    return max(a[0], b[0]), min(a[1], b[1])
