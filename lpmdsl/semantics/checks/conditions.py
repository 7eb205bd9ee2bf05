"""Conditions: states, who starts where, ways out of each state, what a state does."""

from __future__ import annotations

from typing import assert_never

from lpmdsl.diagnostics import Label
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.quantities import DURATION, ERROR, PEOPLE
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import extremes
from lpmdsl.semantics.checks.actions import lasting_attribute, left_networks, set_attribute
from lpmdsl.semantics.checks.rules.paragraphs import check_paragraphs, drawn
from lpmdsl.semantics.checks.signatures import MOST_STATES
from lpmdsl.semantics.checks.tables.rows import branches_from, branches_of_row
from lpmdsl.semantics.checks.values.expressions import check_test, check_value
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.periods import check_period
from lpmdsl.semantics.checks.values.probabilities import check_branches, check_probability, check_rate
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.scope import apart, constant, making, on_entry, ruling, running
from lpmdsl.source import Span
from lpmdsl.syntax import tree

_PEOPLE = ("people", "person")
"""Words for those whose condition it is, whatever their kind is called."""
Trigger = model.ByContagion | model.After | model.AtRate | model.Chance | model.When


def check_condition(ctx: Context, written: tree.Condition) -> model.Condition:
    """The condition with all that is right in it; ``is_cyclic`` is settled once forced moves are known."""
    name, kind = written.name.id, ctx.kind_of[written.name.id]
    exits = [e for clause in written.exits for e in _exits(ctx, name, kind, clause)]
    numbered = _number(ctx, name, exits)
    whiles = [w for clause in written.whiles for w in _whiles(ctx, name, kind, clause)]
    entering = [_entering(ctx, name, kind, k, clause) for k, clause in enumerate(written.entering)]
    removed = _states(ctx, name, written.removed)
    start = _start(ctx, name, kind, written)
    _note_entries_at_start(ctx, name, start, entering)
    return model.Condition(
        name,
        kind,
        ctx.states[name],
        start,
        numbered,
        tuple(whiles),
        tuple(entering),
        removed,
        False,
        written.doc,
        written.span,
        seen=_states(ctx, name, written.seen),
    )


def _states(ctx: Context, condition: str, names: tuple[tree.Name, ...]) -> tuple[int, ...]:
    found = [ctx.state(condition, name) for name in names]
    return tuple(s for s in found if s is not None)


# ------------------------------------------------------------------ starting


def _start(ctx: Context, condition: str, kind: str, written: tree.Condition) -> model.Start:
    start = written.start
    if start is None:
        ctx.report.add(
            "E0112",
            f"Nothing says in which state of {condition} people begin.",
            written.name.span,
            f"Write `start {ctx.states[condition][0]}`.",
        )
        return model.Start(0, (), written.span)
    state = ctx.state(condition, start.state)
    exceptions = [_exception(ctx, condition, kind, k, e) for k, e in enumerate(start.exceptions)]
    return model.Start(state or 0, tuple(e for e in exceptions if e is not None), start.span)


def _exception(ctx: Context, condition: str, kind: str, k: int, written: tree.Except) -> model.StartExcept | None:
    state = ctx.state(condition, written.state)
    place = f"the start of {condition}"
    number = share = where = None
    if written.number is not None:
        number = check_value(ctx, written.number, constant(place), PEOPLE, "a number of agents")
        _is_kind(ctx, written.kind, kind, condition)
        _fits_population(ctx, kind, number)
    elif written.share is not None:
        share = check_probability(ctx, written.share, constant(place), "a share of agents")
    if written.where is not None:
        where = check_test(ctx, written.where, making(kind, place), "what follows `where`")
    if state is None or any(e is not None and e.type == ERROR for e in (number, share, where)):
        return None
    return model.StartExcept(number, share, where, state, f"{condition}.start.except{k}", written.span)


def _is_kind(ctx: Context, name: tree.Name | None, kind: str, condition: str) -> None:
    if name is None or (name.id in _PEOPLE and name.id not in ctx.members):
        return
    if name.id != kind and ctx.agent_kind(name) is not None:
        ctx.report.add(
            "E0607",
            f"{condition} is a condition of {kind}, so no {name.id} can have it.",
            name.span,
            f"Write `{kind}`.",
            labels=ctx.declared(name.id),
        )


def _fits_population(ctx: Context, kind: str, number: model.Expr) -> None:
    agent = ctx.agents.get(kind)
    if number.type == ERROR:
        return
    for value, story in extremes(ctx, (number,)):
        # Between its bounds a parameter has fractions as well; a run looks at the number that it gets.
        if value < 0 or (value != int(value) and not story):
            message = f"{value:g} is no number of agents{story}: agents are whole."
            ctx.report.add("E0316", message, number.span, labels=origins(ctx, number))
        elif agent is not None and agent.count is not None and value > agent.count:
            ctx.report.add(
                "E0516",
                f"{value:g} {kind} cannot start there: there are {agent.count}{story}.",
                number.span,
                "Start fewer there, or raise `count`.",
                origins(ctx, number),
            )


# ------------------------------------------------------------------ ways out


def _exits(ctx: Context, condition: str, kind: str, written: tree.Exit) -> list[model.Exit]:
    states = _states(ctx, condition, written.states)
    trigger = _trigger(ctx, condition, kind, written)
    branches = (
        _branches(ctx, condition, kind, written)
        if written.row is None
        else branches_of_row(ctx, condition, written.row, running(kind, f"a branch of {condition}"))
    )
    if trigger is None or branches is None:
        return []
    ways = {s: branches if written.row is None else branches_from(ctx, condition, s, branches) for s in states}
    for name, state in zip(written.states, states, strict=False):
        if any(b.to == state for b in ways[state]) and isinstance(trigger, model.ByContagion | model.When):
            how = "by contagion" if isinstance(trigger, model.ByContagion) else "`when`"
            ctx.report.add(
                "E0506",
                f"This exit leads from `{name.id}` back to `{name.id}` {how}: it would be taken again and again.",
                written.span,
                "Name another state after `to`. After a time, at a rate or with a probability one may begin anew.",
            )
            return []
    return [model.Exit(s, 0, "", trigger, ways[s], written.span) for s in states]


def _number(ctx: Context, condition: str, exits: list[model.Exit]) -> tuple[model.Exit, ...]:
    """The exits with their written order within a state; a second contagion exit from one state is reported."""
    counts: dict[int, int] = {}
    contagious: dict[int, Span] = {}
    numbered: list[model.Exit] = []
    for e in exits:
        name = ctx.states[condition][e.state]
        if isinstance(e.trigger, model.ByContagion):
            if e.state in contagious:
                ctx.report.add(
                    "E0505",
                    f"`{name}` has two exits by contagion, and an infection leads one way.",
                    e.span,
                    "Write one exit with branches, or two conditions with `at most one of` (docs/cookbook.md).",
                    [Label(contagious[e.state], "the first is here")],
                )
                continue
            contagious[e.state] = e.span
        index = counts.get(e.state, 0)
        if index >= MOST_STATES:
            message = f"`{name}` has more than {MOST_STATES} exits."
            ctx.report.add("E0882", message, e.span, "Let some of them be one exit with branches.")
            return tuple(numbered)
        counts[e.state] = index + 1
        numbered.append(model.Exit(e.state, index, f"{condition}.{name}.exit{index}", e.trigger, e.branches, e.span))
    return tuple(numbered)


def _trigger(ctx: Context, condition: str, kind: str, written: tree.Exit) -> Trigger | None:
    place = f"an exit of {condition}"
    match written.trigger:
        case tree.ByContagion():
            return model.ByContagion()
        case tree.After(dwell):
            return _after(ctx, kind, dwell, place)
        case tree.AtRate(rate):
            value = check_rate(ctx, rate, running(kind, place))
            return None if value.type == ERROR else model.AtRate(value)
        case tree.Chance(probability, every):
            chance = check_probability(ctx, probability, running(kind, place), "a chance of leaving")
            period = check_period(ctx, every, "A period")
            return model.Chance(chance, period.days, period.months) if period and chance.type != ERROR else None
        case tree.When(test):
            value = check_test(ctx, test, running(kind, place), "what follows `when`")
            return None if value.type == ERROR else model.When(value)
        case _:
            assert_never(written.trigger)


def _after(ctx: Context, kind: str, dwell: tree.Distribution, place: str) -> model.After | None:
    made = check_distribution(ctx, dwell, DURATION, "dwell", on_entry(kind, place))
    if made is None:
        return None
    for _, argument in made.arguments:
        number = next(
            (e for e in model.walk(argument) if isinstance(e, model.AttributeRef) and e.type.is_numeric), None
        )
        if number is not None:
            ctx.report.add(
                "E0315",
                f"A time in a state cannot depend on the number `{number.name}` of each agent: the times are "
                "drawn from one table for each group.",
                number.span,
                f"Band it first: `{number.name}_group category = band of {number.name} at … named …`.",
            )
            return None
    between = DISTRIBUTIONS[made.family].between
    least = made.argument(between[0]) if between is not None else None
    if least is not None:
        for value, story in extremes(ctx, (least,)):
            if value < 0:
                message = f"A time in a state cannot be negative{story}."
                ctx.report.add("E0316", message, least.span, labels=origins(ctx, least))
                return None
    return model.After(made)


def _branches(ctx: Context, condition: str, kind: str, written: tree.Exit) -> tuple[model.Branch, ...] | None:
    scope = running(kind, f"a branch of {condition}")
    branches: list[model.Branch] = []
    for k, branch in enumerate(written.branches):
        if branch.probability is None and k < len(written.branches) - 1:
            ctx.report.add(
                "E0502",
                "`otherwise` takes everybody who is left, so what follows is never reached.",
                branch.span,
                "Make it the last branch.",
            )
            return None
        to = ctx.state(condition, branch.to)
        chance = (
            check_probability(ctx, branch.probability, scope, "the probability of a branch")
            if branch.probability
            else None
        )
        if to is None or (chance is not None and chance.type == ERROR):
            return None
        branches.append(model.Branch(to, chance, branch.span))
    check_branches(ctx, tuple(branches), written.span)
    return tuple(branches)


# ------------------------------------------------------------------ what a state does


def _whiles(ctx: Context, condition: str, kind: str, written: tree.While) -> list[model.WhileInState]:
    states = _states(ctx, condition, written.states)
    scope = apart(kind, f"a `while` of {condition}")
    found: list[model.WhileInState] = []
    for action in written.actions:
        match action:
            case tree.SetTo():
                instead = "Use `on entering` for what happens by chance."
                made = lasting_attribute(ctx, action, kind, scope, "in a state", instead)
                if made is not None:
                    found.append(model.WhileInState(states, made.attribute, made.value, (), action.span))
            case tree.Leave():
                networks = left_networks(ctx, action.networks, kind, "leave it")
                found.append(model.WhileInState(states, None, None, networks, action.span))
            case tree.DrawTo():
                ctx.report.add(
                    "E0709",
                    "A draw happens at a moment, and `while` lasts.",
                    action.span,
                    "Draw it once, in the line of an attribute (`x number ~ …`), and read that here.",
                )
            case tree.MoveTo():
                ctx.report.add(
                    "E0709",
                    "A move happens at a moment, and `while` lasts.",
                    action.span,
                    "Write an exit: `from … when … to …`.",
                )
            case tree.Scale() | tree.Change():
                ctx.report.add(
                    "E0709",
                    "A state changes nothing for everybody, and this does.",
                    action.span,
                    "For contacts of those in the state write, in the contagion, "
                    f"`source, target scaled by FACTOR where {condition} is {written.states[0].id} on NETWORK`.",
                )
            case _:
                assert_never(action)
    return found


def _note_entries_at_start(ctx: Context, condition: str, start: model.Start, entering: list[model.OnEntering]) -> None:
    """Report that actions on entering also reach those who start in the state (N0520)."""
    begun = {start.state, *(e.state for e in start.exceptions)}
    for clause in entering:
        at_once = [ctx.states[condition][s] for s in clause.states if s in begun]
        if at_once and (clause.actions or clause.paragraphs):
            ctx.report.add(
                "N0520",
                f"Those who start in {', '.join(f'`{state}`' for state in at_once)} enter it at time 0, so this is "
                "done to them too.",
                clause.span,
                "Let them start in a state before it if that is not meant.",
            )


def _entering(ctx: Context, condition: str, kind: str, k: int, written: tree.OnEntering) -> model.OnEntering:
    states = _states(ctx, condition, written.states)
    scope = running(kind, f"an `on entering` of {condition}")
    actions: list[model.SetAttribute] = []
    first = written.states[0].id if written.states else ""
    site = f"{condition}.{first}.entering{k}"
    for action in written.actions:
        match action:
            case tree.SetTo():
                made = set_attribute(ctx, action, kind, scope)
            case tree.DrawTo():
                made = drawn(ctx, action, None, scope, f"{site}.action{len(actions)}")
            case _:
                made = None
                _moved_on_entering(ctx, action)
        actions += [made] if made is not None else []
        _is_known_at_once(ctx, action, made)
    for action in (a for one in written.paragraphs for a in one.actions if isinstance(a, tree.MoveTo)):
        _moved_on_entering(ctx, action)
    paragraphs = check_paragraphs(ctx, written.paragraphs, site, ruling(kind, scope.place)) or ()
    return model.OnEntering(states, tuple(actions), site, written.span, paragraphs)


def _is_known_at_once(ctx: Context, action: tree.Action, made: model.SetAttribute | None) -> None:
    """Report a plain line that reads who the source was, which is drawn when all have moved (E1144)."""
    read = {e.name for e in model.every_expression(made) if isinstance(e, model.AttributeRef)}
    for _, seen in ctx.views:
        network = ctx.networks.get(seen.view.network) if seen.view is not None and seen.name in read else None
        if network is not None and network.remembers:
            ctx.report.add(
                "E1144",
                f"Who the `{network.name}` was is known when all have moved, and this line is followed at the move.",
                action.span,
                "Write `always` above it: paragraphs are followed when all have moved.",
            )


def _moved_on_entering(ctx: Context, action: tree.Action) -> None:
    message = "On entering a state attributes can be set; moves and absences belong elsewhere."
    ctx.report.add("E0709", message, action.span, "Write the move as an exit, or the absence under `while`.")
