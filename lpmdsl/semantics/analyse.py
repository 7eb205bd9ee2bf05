"""Facts that follow from a checked model, and what in it can have no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lpmdsl.diagnostics import Label, Report
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import asks_by_itself, most_archetypes
from lpmdsl.semantics.analysis.dependencies import readers_of
from lpmdsl.semantics.analysis.events import forced_states
from lpmdsl.semantics.analysis.state_graph import Edges, circle, edges, reachable, starts
from lpmdsl.semantics.data_files.fit_data import check_fits
from lpmdsl.semantics.lints.had_by_several import check_had_by_several
from lpmdsl.semantics.lints.no_effect import check_unmoved
from lpmdsl.semantics.lints.represented import check_represented
from lpmdsl.semantics.lints.stale_formulas import check_stale
from lpmdsl.semantics.lints.stale_limits import check_stale_limits
from lpmdsl.semantics.lints.unreachable import check_futile
from lpmdsl.semantics.lints.unread import check_effects
from lpmdsl.semantics.spans import word_span


@dataclass(frozen=True, slots=True)
class Facts:
    """``reachable``, ``absorbing``: names of states per condition. ``cyclic``: conditions one can go round in.

    ``readers``: for ``parameter beta``, ``attribute Person.age``, ``network homes``, …: the declarations that read it.
    ``archetypes``: for each behaviour that asks, how many prompts a refresh can need at most.
    """

    reachable: Mapping[str, tuple[str, ...]]
    absorbing: Mapping[str, tuple[str, ...]]
    cyclic: tuple[str, ...]
    readers: Mapping[str, tuple[str, ...]]
    archetypes: Mapping[str, int] = field(default_factory=dict)


def analyse(checked: model.Model, report: Report) -> Facts:
    """The facts; states nobody reaches, circles without time and everything without effect are reported."""
    reached: dict[str, tuple[str, ...]] = {}
    absorbing: dict[str, tuple[str, ...]] = {}
    for condition in checked.conditions:
        graph = edges(condition)
        inside = reachable(starts(condition) | _forced(checked, condition), graph)
        reached[condition.name] = tuple(s for i, s in enumerate(condition.states) if i in inside)
        absorbing[condition.name] = tuple(s for i, s in enumerate(condition.states) if not graph[i])
        _report_states(checked, condition, graph, inside, report)
        if not checked.is_library:
            _report_contagion(checked, condition, report)
    readers = readers_of(checked)
    if not checked.is_library:
        check_effects(checked, readers, report)
        check_stale_limits(checked, report)
        check_had_by_several(checked, report)
        check_represented(checked, report)
    if not checked.is_library and not report.has_errors:
        # What is unreachable has been reported; what follows from it need not be.
        check_futile(checked, report)
        check_unmoved(checked, report)
        check_stale(checked, report)
    if not report.has_errors:
        check_fits(checked, report)
    cyclic = tuple(c.name for c in checked.conditions if c.is_cyclic)
    archetypes = {b.name: most_archetypes(b) for b in checked.behaviours if asks_by_itself(b)}
    who_reads = {name: tuple(sorted(who)) for name, who in readers.items()}
    return Facts(reached, absorbing, cyclic, who_reads, archetypes)


def _forced(checked: model.Model, condition: model.Condition) -> set[int]:
    """The states into which interventions move people."""
    return set(forced_states(checked, condition.name))


# ------------------------------------------------------------------ states


def _report_states(
    checked: model.Model, condition: model.Condition, graph: Edges, inside: set[int], report: Report
) -> None:
    spread = {s: (c, one) for c in checked.contagions for one in c.spreads if checked.source_of(c, one) is condition
              for s in one.states}  # fmt: skip
    for state in _first_unreachable(graph, inside):
        name = condition.states[state]
        if state in spread:
            contagion, one = spread[state]
            report.add(
                "E0509",
                f"{contagion.condition} spreads from `{name}`, and nobody ever enters `{name}`.",
                one.span,
                f"Lead an exit to `{name}`, or start somebody there.",
                [Label(word_span(condition.span, name, "states"), f"`{name}` is listed here")],
            )
        else:
            report.add(
                "E0501",
                f"Nobody can reach `{name}`: no exit leads there from where people start.",
                word_span(condition.span, name, "states"),
                f"Lead an exit to `{name}`, start somebody there, or delete it.",
                [Label(condition.start.span, "people start here")],
            )
    zero = circle(edges(condition, _takes_no_time))
    if zero is not None:
        names = ", ".join(condition.states[s] for s in zero)
        report.add(
            "E0507",
            f"People go round {names} without any time passing.",
            next(e.span for e in condition.exits if e.state in zero and _takes_no_time(e)),
            "Give one of these states a time above 0.",
        )


def _first_unreachable(graph: Edges, inside: set[int]) -> list[int]:
    """The unreachable states that do not merely follow another unreachable one."""
    outside = [s for s in graph if s not in inside]
    explained: set[int] = set()
    found: list[int] = []
    roots = [s for s in outside if not any(s in graph[o] for o in outside if o != s)]
    for state in [*roots, *outside]:
        if state not in explained:
            found.append(state)
            explained |= reachable({state}, graph)
    return found


def _takes_no_time(e: model.Exit) -> bool:
    match e.trigger:
        case model.After(dwell) if dwell.family == "fixed":
            value = dwell.arguments[0][1]
            return isinstance(value, model.Literal_) and value.value == 0
        case _:
            return False


def _report_contagion(checked: model.Model, condition: model.Condition, report: Report) -> None:
    """Contagion needs both: something that spreads, and a state that it leads out of."""
    contagion = checked.contagion_of(condition.name)
    catching = [e for e in condition.exits if isinstance(e.trigger, model.ByContagion)]
    if catching and contagion is None:
        report.add(
            "E0508",
            f"People leave `{condition.states[catching[0].state]}` by contagion, and nothing spreads {condition.name}.",
            catching[0].span,
            f"Write `contagion of {condition.name}`: from which states, on which networks, at which rate.",
        )
    elif contagion is not None and not catching:
        report.add(
            "E0508",
            f"{condition.name} spreads, and no state has an exit by contagion: nobody can catch it.",
            contagion.span,
            f"Write `from {condition.states[0]} by contagion to …` in `condition {condition.name}`.",
        )
