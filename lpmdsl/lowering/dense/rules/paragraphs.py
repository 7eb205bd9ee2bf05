"""Paragraphs of a rule: who acts, and what is done, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from lpmdsl.lowering.dense.draws import happens
from lpmdsl.lowering.dense.entries import draw_value, stored_value, write
from lpmdsl.lowering.dense.expressions import Scope, read_states
from lpmdsl.lowering.dense.neighbours import look, members
from lpmdsl.lowering.dense.rules.choosing import runs
from lpmdsl.lowering.dense.rules.meetings import picked
from lpmdsl.lowering.dense.rules.moves import force
from lpmdsl.lowering.dense.rules.taking import taken, turn
from lpmdsl.lowering.dense.rules.writes import add_to_other, move_other, set_other
from lpmdsl.lowering.dense.watched_values import look_at
from lpmdsl.networks.rng_keys import site
from lpmdsl.program import handles
from lpmdsl.program.ir import Assign, Const, Draw, If, KExpr, KStmt, Store, Var
from lpmdsl.program.nodes import AGENT, any_of, integer, number, op, real, test, word
from lpmdsl.semantics import model as m

YES, NO = Const(True, "bool"), Const(False, "bool")


@dataclass(slots=True)
class Chain:
    """Paragraphs that are joined by ``and`` and ``otherwise``: whether each acted, and whom the last one met."""

    acted: list[Var] = field(default_factory=list)
    partner: Var | None = None
    along: Var | None = None
    """The entry of the rows by which that one was found, of a network of which a file says more."""

    def may(self, joined: str) -> KExpr:
        """Test that an agent comes to a paragraph that is joined so; the chain is begun anew where that says so."""
        if joined != "and":
            self.partner = self.along = None
        if joined == "and":
            return self.acted[-1]
        if joined == "otherwise":
            return test("not", any_of(*self.acted))
        self.acted = []
        return YES

    def left_off(self, scope: Scope, rule: m.Rule, take: m.Paragraph) -> list[KStmt]:
        """Statements at the end of a pass, before agents are taken: who has a turn, and what the chain has done."""
        body: list[KStmt] = []
        may = self.may(take.joined)
        facing = scope if self.partner is None else _facing(scope, rule, self, body)
        body += _by_luck(facing, rule, take, turn(facing, rule, take))
        noted: list[KStmt] = []
        for k, acted in enumerate(self.acted):
            name = scope.builder.buffer(f"{rule.name}_acted_{k}", "u8", (rule.of,), "state", note="1: acted before")
            noted.append(Store(name, (AGENT,), op("to_u8", acted, dtype="u8")))
        return [*noted, If(may, tuple(body), span=take.span)]

    def taken_up(self, scope: Scope, rule: m.Rule) -> list[KStmt]:
        """Statements at the beginning of the pass after it: locals with what the chain has done."""
        body: list[KStmt] = []
        before = [scope.builder.load(f"{rule.name}_acted_{k}", AGENT) for k in range(len(self.acted))]
        self.acted = [scope.let(body, "acted", test("ne", noted, integer(0))) for noted in before]
        self.partner = self.along = None
        return body


def takes_somebody(one: m.Paragraph) -> bool:
    """Return True if agents are taken in a paragraph, for which all must have come to it."""
    return one.meeting is not None and one.meeting.how == "take"


def paragraph(scope: Scope, rule: m.Rule, one: m.Paragraph, chain: Chain) -> list[KStmt]:
    """Statements of one paragraph for an agent for whom the rule is; the chain is brought up to date."""
    body: list[KStmt] = []
    may = chain.may(one.joined)
    acted, met = scope.let(body, "acted", NO), None
    if one.meeting is not None and one.meeting.how == "pick":
        met = scope.let(body, "picked", integer(-1))
    own = Chain([], met, _along(scope, one, body))
    inner = _for_whom(scope, rule, one, chain, own, acted)
    chain.acted.append(acted)
    if one.meeting is not None:
        chain.partner, chain.along = own.partner, own.along
    return [*body, If(may, tuple(inner), span=one.span)]


def taken_paragraph(scope: Scope, rule: m.Rule, one: m.Paragraph, chain: Chain) -> list[KStmt]:
    """Statements of those who have taken somebody, in the pass after that."""
    assert one.meeting is not None
    body: list[KStmt] = []
    partner = scope.let(body, "taken", taken(scope.builder, one))
    acted = scope.let(body, "acted", test("ge", partner, integer(0)))
    chain.acted.append(acted)
    chain.partner, chain.along = partner, _along(scope, one, body)
    found: list[KStmt] = []
    if chain.along is not None:
        found += members(scope, one.meeting, partial(_tie_with, partner=partner, along=chain.along))
    beside = _facing(scope, rule, chain, found)
    found += _actions(beside, rule, one)
    return [*body, If(acted, tuple(found), span=one.span)]


def _tie_with(scope: Scope, partner: KExpr, along: Var) -> list[KStmt]:
    assert scope.edge is not None
    return [If(test("eq", _theirs(scope), partner), (Assign(along.name, scope.edge),))]


def _along(scope: Scope, one: m.Paragraph, body: list[KStmt]) -> Var | None:
    """A local for the tie to whom the agent picks, where a file says more of it."""
    if one.meeting is None or one.meeting.how == "each" or not one.meeting.network:
        return None
    has_columns = bool(scope.builder.model.network(one.meeting.network).columns)
    return scope.let(body, "along", integer(0)) if has_columns else None


def _for_whom(scope: Scope, rule: m.Rule, one: m.Paragraph, before: Chain, met: Chain, acted: Var) -> list[KStmt]:
    """Statements of those who may act; ``before``: whom the paragraph before met, ``met``: whom this one does."""
    body: list[KStmt] = []
    if before.partner is not None:
        scope = _facing(scope, rule, before, body)
    inner: list[KStmt] = []
    if one.meeting is None:
        inner += _by_luck(scope, rule, one, [Assign(acted.name, YES), *_actions(scope, rule, one)])
    elif one.meeting.how == "each":
        inner += _each(scope, rule, one, one.meeting, acted)
    else:
        assert met.partner is not None
        inner += picked(scope, rule, one.meeting, met.partner, met.along)
        found: list[KStmt] = []
        beside = _facing(scope, rule, met, found)
        done: list[KStmt] = [Assign(acted.name, YES), *_actions(beside, rule, one)]
        found += _by_luck(beside, rule, one, done)
        inner.append(If(test("ge", met.partner, integer(0)), tuple(found), span=one.span))
    if one.where is None:
        return [*body, *inner]
    look(scope, one.where, body)
    return [*body, If(scope.value(one.where), tuple(inner), span=one.span)]


def _facing(scope: Scope, rule: m.Rule, found: Chain, body: list[KStmt]) -> Scope:
    """The scope of the agent with the one that it has picked in view."""
    assert found.partner is not None
    other = scope.beside(rule.of, found.partner)
    body += read_states(other)
    return scope.facing(other, found.along)


def _by_luck(scope: Scope, rule: m.Rule, one: m.Paragraph, done: list[KStmt]) -> list[KStmt]:
    """The statements with the chance of a paragraph, by each agent's own luck."""
    if one.probability is None:
        return done
    body: list[KStmt] = []
    hits = happens(scope, f"{one.site}.chance", one.probability, AGENT, runs(scope, rule), body)
    return [*body, If(hits, tuple(done), span=one.span)]


# ------------------------------------------------------------------ actions


def _actions(scope: Scope, rule: m.Rule, one: m.Paragraph) -> list[KStmt]:
    """The actions in their order; each reads what those before it have made of the agent."""
    body: list[KStmt] = []
    for k, action in enumerate(one.actions):
        done = _action(scope, rule, action)
        if action.probability is None:
            body += done
            continue
        path = f"{one.site}.action{k}"
        hits = happens(scope, path, action.probability, AGENT, runs(scope, rule), body)
        body.append(If(hits, tuple(done), span=action.span))
    return body


def _action(scope: Scope, rule: m.Rule, action: m.RuleAction) -> list[KStmt]:
    body: list[KStmt] = []
    match action:
        case m.SetAttribute():
            look(scope, action.value, body)
            draw_value(scope, action.value, runs(scope, rule), body)
            body += look_at(scope, action.value, "value")
            if not action.theirs:
                return [*body, write(scope, rule.of, action, stored_value(scope, rule.of, action))]
            if action.adds:
                return [*body, add_to_other(scope, rule, action, _theirs(scope), scope.value(action.value))]
            return [*body, *set_other(scope, rule, action, _theirs(scope))]
        case m.ForceMove(theirs=True):
            return [move_other(rule, action, _theirs(scope))]
        case m.ForceMove():
            to = frozenset({action.state})
            return force(scope, action.condition, integer(action.state), to, YES, action.span)
        case m.CopyState():
            assert scope.theirs is not None
            to = scope.let(body, f"{action.theirs}_theirs", scope.theirs.states[action.theirs])
            states = frozenset(range(len(scope.builder.model.condition(action.condition).states)))
            return [*body, *force(scope, action.condition, to, states, YES, action.span)]
        case _:
            assert_never(action)


# ------------------------------------------------------------------ each of several


def _each(scope: Scope, rule: m.Rule, one: m.Paragraph, meeting: m.Meeting, acted: Var) -> list[KStmt]:
    """Go along the row: what is added to the agent itself is added up, and written after the last."""
    body: list[KStmt] = []
    sums: dict[str, Var] = {}
    for action in one.actions:
        if isinstance(action, m.SetAttribute) and not action.theirs:
            sums.setdefault(action.attribute, scope.let(body, f"{action.attribute}_more", number(0.0)))
    tied = scope.let(body, "luck", integer(0))
    if one.probability is not None or any(a.probability is not None for a in one.actions):
        draw, path = scope.fresh("w"), f"{one.site}.who"
        body.append(Draw(draw, site(path), AGENT, runs(scope, rule), path, one.span))
        body.append(Assign(tied.name, word(draw, 0)))

    def told(other: Scope) -> list[KStmt]:
        done: list[KStmt] = [Assign(acted.name, YES)]
        for k, action in enumerate(one.actions):
            written = _told(other, rule, action, sums)
            if action.probability is not None:
                path = f"{one.site}.action{k}"
                hits = happens(other, path, action.probability, _theirs(other), tied, done)
                written = [If(hits, tuple(written), span=action.span)]
            done += written
        if one.probability is None:
            return done
        first: list[KStmt] = []
        hits = happens(other, f"{one.site}.chance", one.probability, _theirs(other), tied, first)
        return [*first, If(hits, tuple(done), span=one.span)]

    body += members(scope, meeting, told)
    kind = scope.builder.model.agent(rule.of)
    for name, total in sums.items():
        attribute = next(a for a in kind.attributes if a.name == name)
        own = scope.attribute(m.AttributeRef(rule.of, name, attribute.type, one.span))
        body.append(Store(handles.attribute(rule.of, name), (AGENT,), real("add", own, total), one.span))
    return body


def _theirs(scope: Scope) -> KExpr:
    assert scope.theirs is not None
    return scope.theirs.agent


def _told(scope: Scope, rule: m.Rule, action: m.RuleAction, sums: dict[str, Var]) -> list[KStmt]:
    """Statements of an action for one of several others; what the agent adds to its own goes into the sums."""
    if not isinstance(action, m.SetAttribute) or action.theirs:
        return _action(scope, rule, action)
    body: list[KStmt] = []
    look(scope, action.value, body)
    body += look_at(scope, action.value, "value")
    total = sums[action.attribute]
    return [*body, Assign(total.name, real("add", total, scope.value(action.value)), action.span)]
