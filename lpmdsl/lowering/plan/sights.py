"""Choice of the counts of neighbours that are kept between steps; others are worked out anew before they are read.

What is counted can be kept where the other agent alone decides whether it counts, by its states and stored attributes:
then nothing but its own change moves the count of those who see it. Only whole numbers are kept, because their sums
are the same in any order; sums of other numbers have the order of the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lpmdsl.lowering.plan.choices import Choice
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model as m
from lpmdsl.semantics.analysis.events import may_be_absent
from lpmdsl.semantics.analysis.views import seen_by
from lpmdsl.source import NOWHERE

LARGEST_TERM = 1 << 20
"""The largest whole number that one neighbour may add to a sum that is kept."""
KEPT = "by differences, when a neighbour changes"
KNOWN = "a behaviour reads it, for those who are asked"
_OFTEN = {m.Time: "the time", m.Since: "time since a move", m.ObservationRef: "a report", m.GroupReport: "a report",
          m.Rolling: "reports", m.Aggregate: "everybody", m.Luck: "luck", m.Neighbours: "others of others",
          m.TieRef: "a tie"}  # fmt: skip
"""Names of what does not belong to the other agent alone, for the words of a reason."""


@dataclass(frozen=True, slots=True)
class Term:
    """Amount that a member of a network who is present adds for those who see it: ``what`` (None: 1) if ``where``."""

    network: str
    what: m.Expr | None
    where: m.Expr | None


@dataclass(frozen=True, slots=True)
class Sight:
    """An attribute that shows a count or a sum of neighbours, and the terms whose sums are kept for it.

    ``terms``: of what is counted, then of what it is divided by. ``is_read_at_once``: nothing is stored in the
    attribute; whoever reads it reads the sums.
    """

    kind: str
    attribute: m.Attribute
    terms: tuple[Term, ...]
    is_read_at_once: bool

    @property
    def view(self) -> m.Neighbours:
        """Look at neighbours that it shows."""
        assert self.attribute.view is not None
        return self.attribute.view


def sights(model: m.Model, felt: set[str], forced: frozenset[str]) -> tuple[tuple[Sight, ...], tuple[Choice, ...]]:
    """The counts that are kept, and a line of explanation for every look at neighbours.

    ``felt``: the attributes on which the force of infection hangs; ``forced``: kinds of agents of whom something else
    than an exit makes moves. What they read is written down at its time.
    """
    known = seen_by(model, model.behaviours)
    found: list[Sight] = []
    choices: list[Choice] = []
    for agent in model.agents:
        for seen in (a for a in agent.attributes if a.view is not None):
            assert seen.view is not None
            terms = _terms(seen.view)
            why = KNOWN if (agent.name, seen) in known else _why_not(model, agent.name, seen.view, terms)
            choices.append(Choice(f"neighbours {seen.name}", "anew" if why else "kept", why or KEPT))
            if not why:
                at_once = not (seen.name in felt or agent.name in forced) and _stands_alone(seen.view)
                found.append(Sight(agent.name, seen, terms, at_once))
    return tuple(found), tuple(choices)


def _terms(view: m.Neighbours) -> tuple[Term, ...]:
    """The terms that are summed for a look at neighbours; () where sums do not make it."""
    everybody = Term(view.network, None, None)
    counted = Term(view.network, None, view.where)
    summed = Term(view.network, view.what, view.where)
    made = {"count": (counted,), "share": (counted, everybody), "sum": (summed,), "mean": (summed, counted)}
    return tuple(_without_places(t) for t in made.get(view.function, ()))


def _without_places(term: Term) -> Term:
    return Term(term.network, *(None if e is None else _nowhere(e) for e in (term.what, term.where)))


def _nowhere(expr: m.Expr) -> m.Expr:
    """The expression without its place in the text: the same is kept once."""
    return replace(m.mapped(expr, _nowhere), span=NOWHERE)


def _stands_alone(view: m.Neighbours) -> bool:
    """Return True if the value needs nothing that an agent or the day decides where there is nobody."""
    if view.function in ("count", "sum"):
        return True
    return view.otherwise is None or isinstance(view.otherwise, m.Literal_)


# ------------------------------------------------------------------ what can be kept


def _why_not(model: m.Model, kind: str, view: m.Neighbours, terms: tuple[Term, ...]) -> str:
    """The reason for which a look at neighbours is worked out anew; "" if it is kept."""
    if view.place or not terms:
        return "a place looks at its members" if view.place else f"a {view.function} is not made of sums"
    network = model.network(view.network)
    if network.directed or network.back_of:
        return "its ties have a direction, and only their own end is in the row"
    if view.what is not None and _bound(model, view.what) is None:
        return f"a {view.function} of numbers that need not be whole has the order of the row"
    if network.redrawn:
        return "its ties are drawn anew"
    read = [(e, False) for e in (view.what, view.where) if e is not None]
    for leaf, of_other in leaves(model, [*read, *((e, True) for e in presence_read(model, network, kind))]):
        if isinstance(leaf, m.IsActive) and leaf.place:
            return "an intervention of each place decides it"
        if type(leaf) in _OFTEN:
            return f"it reads {_OFTEN[type(leaf)]}"
        if not of_other and isinstance(leaf, m.AttributeRef | m.InState | m.StateOf):
            return "it reads what the agent itself has or is"
        if isinstance(leaf, m.AttributeRef) and m.view_of(model, leaf) is not None:
            return "it reads what others see"
    return ""


def presence_read(model: m.Model, network: m.Network, kind: str) -> Iterator[m.Expr]:
    """The expressions of an agent that decide whether it takes part in a network."""
    if network.where is not None:
        yield network.where
    for one in model.interventions:
        for clause in (w for w in one.while_active if w.of == kind and network.name in w.networks):
            yield one.active(clause.span)
            if clause.where is not None:
                yield clause.where


def leaves(model: m.Model, given: list[tuple[m.Expr, bool]]) -> Iterator[tuple[m.Expr, bool]]:
    """All that expressions are made of, each with whether it is of the other agent; with what attributes read as."""
    waiting = [(expr, of_other, True) for expr, of_other in given]
    while waiting:
        expr, of_other, looks_through = waiting.pop()
        yield expr, of_other
        inner = isinstance(expr, m.Theirs)
        waiting += [(e, of_other or inner, looks_through) for e in m.children(expr)]
        if isinstance(expr, m.AttributeRef) and looks_through:
            pairs = m.overlays(model, expr.of, expr.name)
            waiting += [(e, of_other, False) for pair in pairs for e in pair]


def _bound(model: m.Model, expr: m.Expr) -> int | None:
    """The largest amount of an expression that is always a whole number; None if it may be another, or larger."""
    most = _largest(model, expr)
    return most if most is not None and most <= LARGEST_TERM else None


def _largest(model: m.Model, expr: m.Expr) -> int | None:
    if expr.type.kind is Kind.BOOLEAN:
        return 1
    match expr:
        case m.Literal_(value=value):
            return abs(int(value)) if float(value).is_integer() else None
        case m.TableRef():
            values = model.table(expr.table).values
            return max((abs(int(v)) for v in values), default=0) if all(v.is_integer() for v in values) else None
        case m.Apply(op="select" | "add" | "sub" | "mul" | "neg" as name, arguments=given):
            parts = [_largest(model, e) for e in (given[1:] if name == "select" else given)]
            known = [p for p in parts if p is not None]
            if len(known) < len(parts):
                return None
            return known[0] * known[1] if name == "mul" else max(known) if name == "select" else sum(known)
        case _:
            return None


# ------------------------------------------------------------------ whose change concerns others


def telling_attributes(model: m.Model, kept: tuple[Sight, ...], kind: str) -> set[str]:
    """The attributes of agents of a kind on which their terms hang."""
    read = leaves(model, [(e, True) for e in _read_by(model, kept, kind)])
    return {e.name for e, _ in read if isinstance(e, m.AttributeRef)}


def telling_states(model: m.Model, kept: tuple[Sight, ...], condition: m.Condition) -> frozenset[int]:
    """The states of a condition whose entering or leaving can change a term."""
    networks = {t.network for s in kept if s.kind == condition.of for t in s.terms}
    found = {s for w in condition.whiles if networks & set(w.networks) for s in w.states}
    found |= set(condition.removed) if networks else set()
    everything = frozenset(range(len(condition.states)))
    for expr in _read_by(model, kept, condition.of):
        for leaf, _ in leaves(model, [(_without_known(expr, condition.name, found), True)]):
            if isinstance(leaf, m.InState) and leaf.condition == condition.name:
                found |= set(leaf.states)
            if isinstance(leaf, m.StateOf) and leaf.condition == condition.name:
                return everything
    return frozenset(found)


def _without_known(expr: m.Expr, condition: str, found: set[int]) -> m.Expr:
    """The expression without its comparisons of a state with one label, which go to ``found``."""
    match expr:
        case m.Apply(op="eq" | "ne", arguments=(m.Theirs(inner=m.StateOf(condition=name)), m.Literal_(value=state))):
            if name == condition:
                found.add(int(state))
                return replace(expr, arguments=(expr.arguments[1], expr.arguments[1]))
            return expr
        case _:
            return m.mapped(expr, lambda part: _without_known(part, condition, found))


def _read_by(model: m.Model, kept: tuple[Sight, ...], kind: str) -> Iterator[m.Expr]:
    """The expressions of an agent that decide its terms."""
    terms = dict.fromkeys(t for s in kept if s.kind == kind for t in s.terms)
    yield from (e for t in terms for e in (t.what, t.where) if e is not None)
    for name in dict.fromkeys(t.network for t in terms):
        yield from presence_read(model, model.network(name), kind)


def woken_states(model: m.Model, kept: tuple[Sight, ...], condition: m.Condition) -> frozenset[int]:
    """The states whose every exit hangs on kept sums and on what never changes: who is there is looked at anew only
    when a sum does. On places and on certain days sums are read otherwise without a change of theirs."""
    shown = {s.attribute.name: model.network(s.view.network) for s in kept if s.kind == condition.of}
    steady = {s.attribute.name for s in kept if s.is_read_at_once}
    steady -= {name for name, network in shown.items() if network.layout != "ties" or network.days}

    def hangs(read: m.Expr) -> bool:
        found = list(m.walk(read))
        own = [e for e in found if isinstance(e, m.AttributeRef)]
        plain = m.Literal_ | m.ParameterRef | m.Follows | m.TableRef | m.Apply | m.Population | m.AttributeRef
        fixed = all(e.name in steady or (e.name not in shown and m.is_fixed(model, e.of, e.name)) for e in own)
        return fixed and any(e.name in steady for e in own) and all(isinstance(e, plain) for e in found)

    found: set[int] = set()
    for state in range(len(condition.states)):
        triggers = [e.trigger for e in condition.exits_of(state)]
        read = [t.rate if isinstance(t, m.AtRate) else t.test for t in triggers if isinstance(t, m.AtRate | m.When)]
        if triggers and len(read) == len(triggers) and all(hangs(e) for e in read):
            found.add(state)
    return frozenset(found)


def may_be_away(model: m.Model, network: m.Network) -> bool:
    """Return True if an agent may take no part in a network that runs: it is absent, or in no place."""
    return network.layout == "place" or network.where is not None or may_be_absent(model, network, network.of)
