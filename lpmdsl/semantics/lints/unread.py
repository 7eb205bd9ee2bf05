"""Declarations without effect since nothing reads them: parameters and tables, idle interventions and scenarios."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import assert_never

from lpmdsl.diagnostics import Label, Report
from lpmdsl.quantities import Kind
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import asked_as, resting
from lpmdsl.semantics.analysis.dependencies import Readers, parameters_in
from lpmdsl.semantics.analysis.events import Effect, Event, Thing, chance, events, events_of, writes
from lpmdsl.semantics.analysis.intervals import Knowledge, bounds
from lpmdsl.semantics.analysis.possible_tests import can_hold
from lpmdsl.semantics.analysis.vertices import constant, extremes, view
from lpmdsl.semantics.context import text_of
from lpmdsl.semantics.spans import deletion, word_span
from lpmdsl.source import Span


def check_effects(checked: model.Model, readers: Readers, report: Report) -> None:
    """Report everything that can change nothing."""
    own = checked.clock.span.source
    believed = parameters_in(tuple(p.prior for p in checked.parameters))
    for parameter in checked.parameters:
        if not readers.get(f"parameter {parameter.name}") and parameter.name not in believed:
            report.add(
                "W0615",
                f"Nothing reads the parameter `{parameter.name}`.",
                word_span(parameter.span, parameter.name),
                "Delete it, or use it where its number stands.",
                fixes=[deletion(parameter.span, parameter.name)] if parameter.span.source is own else [],
            )
    _unused(checked, readers, report)
    _unmet(checked, report)
    turned = {n.back_of for n in checked.networks if n.back_of and readers.get(f"network {n.name}")}
    for network in (n for n in checked.networks if not n.remembers):
        if not readers.get(f"network {network.name}") and network.name not in turned:
            report.add(
                "W0616",
                f"Nothing spreads on the network `{network.name}`.",
                word_span(network.span, network.name),
                "Name it in a contagion (`from I on …`), or delete it.",
            )
    known = Knowledge(checked, view(checked).values)
    told = {s.span for i in checked.interventions for w in i.while_active for s in w.scales}
    for scaling in (s for c in checked.contagions for s in c.scalings if s.where is not None and s.span not in told):
        assert scaling.where is not None
        if not can_hold(scaling.where, known):
            report.add(
                "E0618",
                f"{text_of(scaling.where.span)} is never true: nothing ever makes it so.",
                scaling.where.span,
                "Let something set it, or delete the scaling.",
            )
    for intervention in checked.interventions:
        _check_intervention(checked, intervention, readers, report)
    for behaviour in checked.behaviours:
        _check_behaviour(behaviour, readers, report)
    for scenario in checked.scenarios:
        _check_scenario(checked, scenario, readers, report)


def _unused(checked: model.Model, readers: Readers, report: Report) -> None:
    """Tables and attributes of the model's own text that nothing reads; what is set to no effect is reported elsewhere.

    An attribute may be kept for what comes later, so that is a note; a table stands there for nothing.
    """
    own = checked.clock.span.source
    for table in checked.tables:
        if not readers.get(f"table {table.name}") and table.span.source is own:
            report.add(
                "W0628",
                f"Nothing reads the table `{table.name}`.",
                word_span(table.span, table.name),
                "Delete it, or look a value up in it: `TABLE[…]`.",
                fixes=[deletion(table.span, table.name)],
            )
    grouped = {(agent.name, key) for agent in checked.agents for table in checked.tables
               if readers.get(f"groups {agent.name} {table.name}") for key in table.key_attributes}  # fmt: skip
    written = {(thing.of, thing.name) for event in events(checked) for thing in event.writes
               if not event.owner.startswith("condition ")}  # fmt: skip
    for agent in checked.agents:
        for attribute in agent.attributes:
            key = (agent.name, attribute.name)
            read = readers.get(f"attribute {agent.name}.{attribute.name}") or readers.get(f"band {attribute.name}")
            if not read and key not in grouped | written and attribute.span.source is own:
                report.add(
                    "N0629",
                    f"Nothing reads `{attribute.name}` of a {agent.name}.",
                    word_span(attribute.span, attribute.name),
                    "Delete it, or let something read it: `where …`, `by …`.",
                )


def _unmet(checked: model.Model, report: Report) -> None:
    """Places of the model's own text whose people no network joins, and of which there is no intervention."""
    met = {(part.of, part.place) for part in (*checked.networks, *checked.interventions)}
    places = [(agent.name, place) for agent in checked.agents for place in agent.places]
    for kind, place in places:
        if (kind, place.name) not in met and place.span.source is checked.clock.span.source:
            report.add(
                "N0629",
                f"Nobody meets in the `{place.name}` of a {kind}.",
                word_span(place.span, place.name),
                f"Delete it, or join those who share it: `network … joins {kind} sharing {place.name}`.",
            )


def _check_intervention(checked: model.Model, it: model.Intervention, readers: Readers, report: Report) -> None:
    end = checked.clock.step * checked.clock.steps
    if isinstance(it.starts, model.OnDate | model.Elapsed) and _start_day(checked, it.starts) >= end:
        on = it.starts.iso if isinstance(it.starts, model.OnDate) else f"day {_start_day(checked, it.starts):g}"
        report.add(
            "E0719",
            f"`{it.name}` starts on {on}, and the run has ended by then.",
            it.starts.span,
            "Write an earlier date, or a longer run in `clock`.",
        )
        return
    if _never_starts(checked, it, report):
        return
    for where, span in [(b.where, b.where.span) for b in (*it.repeated, *it.while_active) if b.where is not None]:
        if is_never(checked, where):
            report.add("E0712", "This is never true, so nobody is ever chosen.", span, "Check what follows `where`.")
            return
    for block in it.repeated:
        if block.at_most is not None and bounds(block.at_most, Knowledge(checked, view(checked).values))[1] <= 0:
            report.add(
                "E0712",
                "At most 0 people are chosen, so nobody ever is.",
                block.at_most.span,
                "Write a number above 0.",
            )
            return
    every = ((effect, event) for event in events_of(it) for effect in event.effects)
    if f"intervention {it.name}" not in readers and not any(_is_felt(*one, readers) for one in every):
        report.add(
            "E0707",
            f"`{it.name}` changes nothing: {_idle_reason(it)}.",
            _idle_span(it),
            "Let something read what it sets, for example `target scaled by 0.5 where …` in a contagion.",
        )


def _start_day(checked: model.Model, starts: model.OnDate | model.Elapsed) -> float:
    """The earliest day at which it can start."""
    if isinstance(starts, model.OnDate):
        return starts.day
    return bounds(starts.delay, Knowledge(checked, view(checked).values))[0]


def _never_starts(checked: model.Model, it: model.Intervention, report: Report) -> bool:
    """Return True if what the trigger reads cannot reach its level, whatever happens."""
    if not isinstance(it.starts, model.Crossing):
        return False
    known = Knowledge(checked, view(checked).values)
    if _starts_too_late(checked, it, it.starts, known, report):
        return True
    (low, high), (least, most) = bounds(it.starts.value, known), bounds(it.starts.level, known)
    if not (high <= least if it.starts.rises else low >= most):
        return False
    wanted = "exceed" if it.starts.rises else "fall below"
    reached, level = (high, least) if it.starts.rises else (low, most)
    words, direction = text_of(it.starts.value.span), "above" if it.starts.rises else "below"
    report.add(
        "E0719",
        f"`{it.name}` can never start: {words} cannot {wanted} {_in_unit(it.starts.value, reached, checked)}, "
        f"and must be {direction} {_in_unit(it.starts.value, level, checked)}.",
        it.starts.span,
        f"Write a level that is {'lower' if it.starts.rises else 'higher'}, or watch something else.",
    )
    return True


def _starts_too_late(
    checked: model.Model, it: model.Intervention, starts: model.Crossing, known: Knowledge, report: Report
) -> bool:
    """Return True if the run has ended when the first report is out, or when the delay is over."""
    end = checked.clock.step * checked.clock.steps
    read = [checked.observation(e.observation) for e in model.walk(starts.value) if isinstance(e, model.ObservationRef)]
    first = max((o.every for o in read), default=0.0)
    wait = bounds(starts.delay, known)[0] if starts.delay is not None else 0.0
    if first < end and first + wait < end:
        return False
    why = f"the first report comes after {first:g} days" if first >= end else f"its delay is {wait:g} days"
    report.add("E0719", f"`{it.name}` can never start: {why}, and the run lasts {end:g} days.", starts.span,
               "Write a longer run in `clock`, shorter periods, or a shorter delay.")  # fmt: skip
    return True


def _in_unit(value: model.Expr, number: float, checked: model.Model) -> str:
    """A number as the observation that is read reports it."""
    if not isinstance(value, model.ObservationRef):
        return f"{number:g}"
    observation = checked.observation(value.observation)
    return f"{number / observation.scale:,.6g} {observation.unit}".strip()


def _is_felt(effect: Effect, event: Event, readers: Readers) -> bool:
    """Return True if an effect can make a difference to anything but its own event's choice of people."""
    probability = chance(effect)
    if isinstance(probability, model.Literal_) and probability.value == 0:
        return False
    return any(_is_read(thing, event.owner, readers) for thing in writes(effect, event.of))


def _is_read(thing: Thing, owner: str, readers: Readers) -> bool:
    """Return True if something other than the owner reads a thing."""
    match thing.what:
        case "attribute" | "reading":
            who = readers.get(f"attribute {thing.of}.{thing.name}", set()) | readers.get(f"band {thing.name}", set())
            return bool(who - {owner})
        case "presence" | "contacts":
            return bool(readers.get(f"network {thing.name}"))
        case "state":
            return True
        case "parameter":
            return False  # ``held`` has made it a choice that reads whether the intervention is active
        case _:
            assert_never(thing.what)


def _idle_reason(it: model.Intervention) -> str:
    actions = [a for block in it.repeated for a in block.done]
    if any(isinstance(a.probability, model.Literal_) and a.probability.value == 0 for a in actions):
        return "its action has probability 0"
    names = [a.attribute for a in actions if isinstance(a, model.SetAttribute)]
    if names:
        return f"nothing reads `{names[0]}`"
    names = [s.attribute for w in it.while_active for s in w.sets]
    names += [c.parameter for w in it.while_active for c in w.changes]
    if names:
        return f"nothing reads `{names[0]}`"
    if any(w.scales for w in it.while_active):
        return "nothing spreads on the networks that it scales"
    if it.while_active:
        return "nothing spreads on the networks that people leave"
    return "it has no action"


def _check_behaviour(behaviour: model.Behaviour, readers: Readers, report: Report) -> None:
    """A decision that only the behaviour itself reads changes nothing."""
    who = readers.get(f"attribute {behaviour.of}.{behaviour.into}", set())
    # Of several answers each is known where the others are decided, too, and these may be read elsewhere.
    itself = set() if behaviour.also or behaviour.asked_with else {f"behaviour {behaviour.name}"}
    if not who - itself:
        report.add(
            "E0739",
            f"`{asked_as(behaviour)}` changes nothing: nothing reads `{behaviour.into}`.",
            word_span(behaviour.span, behaviour.into, "decides"),
            "Let something read what it decides, for example `source scaled by 0.2 where …` in a contagion.",
        )


def _idle_span(it: model.Intervention) -> Span:
    for block in (*it.repeated, *it.while_active):
        if isinstance(block, model.Repeated) and block.done:
            return block.done[0].span
        return block.span
    return word_span(it.span, it.name)


def is_never(checked: model.Model, test: model.Expr) -> bool:
    """Return True if no agent can satisfy ``test``, as far as labels, truth values, states and parameters show."""
    if not can_hold(test, Knowledge(checked, view(checked).values)):
        return True
    known = (model.ParameterRef, model.InState, model.IsActive, model.Literal_, model.Apply, model.TableRef)
    for node in model.walk(test):
        plain = isinstance(node, model.AttributeRef) and node.type.kind in (Kind.CATEGORY, Kind.BOOLEAN)
        if not plain and not isinstance(node, known):
            return False
    values = [value for value, _ in extremes(view(checked), (test,))]
    return bool(values) and not any(values)


def _check_scenario(checked: model.Model, scenario: model.Scenario, readers: Readers, report: Report) -> None:
    if not scenario.without and not scenario.changes and not scenario.behaviours:
        report.add(
            "E0708",
            f"Scenario `{scenario.name}` is the model as it is written.",
            word_span(scenario.span, scenario.name),
            "Write `without INTERVENTION` or `change PARAMETER to VALUE`.",
        )
    as_written = resting(checked, "baseline")
    for name in scenario.behaviours:
        if name not in as_written:
            report.add(
                "E0708",
                f"`{name}` decides in the model as it is written, so `with {name}` changes nothing.",
                word_span(scenario.span, name, "with"),
                "Name a behaviour that rests, or leave the line out.",
            )
    _check_left_out(checked, scenario, report)
    known = view(checked)
    own = known.values
    for name, value in scenario.changes:
        new = constant(value, own, known.tables)
        if math.isclose(new, own[name], rel_tol=1e-12, abs_tol=0.0):
            report.add(
                "E0708",
                f"`{name}` has this value already, so the scenario changes nothing.",
                value.span,
                "Write another value, or leave the scenario out.",
                [Label(p.default.span, "written here") for p in checked.parameters if p.name == name],
            )
        elif not readers.get(f"parameter {name}"):
            report.add(
                "E0708",
                f"Nothing reads `{name}`, so changing it changes nothing.",
                value.span,
                "Change a parameter that the model uses.",
            )


def _check_left_out(checked: model.Model, scenario: model.Scenario, report: Report) -> None:
    """A behaviour that would not decide anyway is left out to no effect."""
    kept = replace(scenario, without=())
    others = tuple(kept if s.name == scenario.name else s for s in checked.scenarios)
    for name in resting(replace(checked, scenarios=others), scenario.name) & set(scenario.without):
        report.add(
            "E0708",
            f"`{name}` does not decide here, so `without {name}` changes nothing.",
            word_span(scenario.span, name, "without"),
            "Leave the line out.",
        )
