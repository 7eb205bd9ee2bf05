"""Names that may stand at a cursor by its meaning: those of declarations, states, labels, attributes, families."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lpmdsl.diagnostics import Report
from lpmdsl.distributions.table import DISTRIBUTIONS, SPELT_AS_LAWS
from lpmdsl.distributions.walks import RANDOM_WALK
from lpmdsl.editor.known.cursor import Cursor, Step
from lpmdsl.editor.known.occurrences import STATES, Scope, scope_of_field, scope_within
from lpmdsl.editor.known.symbols import Directory
from lpmdsl.escaping import plain
from lpmdsl.networks.generators import NETWORKS
from lpmdsl.semantics.builtins import RESERVED
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.resolve.library import Library
from lpmdsl.semantics.resolve.names import GROUPS, resolve
from lpmdsl.syntax import tree as t


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that may stand at the cursor. ``kind``: what it is; ``detail``: what is said of it beside it."""

    word: str
    kind: str
    detail: str = ""
    insert: str = ""


def candidates(cursor: Cursor, directory: Directory, library: Library) -> Iterator[Candidate]:
    """The names that may stand at the cursor, the likeliest first. ``library``: where used files are found."""
    top = cursor.path[0].node if cursor.path else None
    if isinstance(top, t.Use):
        yield from _of_library(cursor.path, top, library)
    elif cursor.path and isinstance(cursor.path[-1].node, t.Theirs):
        scope = _scope(cursor.path, directory)
        yield from _members(directory, scope)
        for name, condition in directory.names.conditions().items():
            if scope.kind in ("", condition.of.id):
                yield Candidate(name, "condition", f"state of {condition.of.id}")
    elif cursor.path and isinstance(cursor.path[-1].node, t.OfTie):
        yield from _of_ties(directory)
    elif len(cursor.path) > 1:
        yield from _by_field(cursor.path, cursor.path[-2], _scope(cursor.path, directory), directory)


def _of_library(path: tuple[Step, ...], use: t.Use, library: Library) -> Iterator[Candidate]:
    """The library's own names: its parameters after ``with``, what it declares of a kind after ``only``."""
    found = library.find(use, Report())
    module = library.load(found, use, Report()) if found is not None else None
    if module is None or len(path) < 2:
        return
    theirs = Directory(resolve(module, library, Report()))
    match path[-2]:
        case Step(t.UseItem() as item, "name", _):
            yield from _named(theirs, (item.kind,))
        case Step(t.Use(), "settings", _):
            yield from _named(theirs, ("parameter",))
        case _:
            pass


def _scope(path: tuple[Step, ...], directory: Directory) -> Scope:
    scope = Scope()
    for step in path[:-1]:
        scope = scope_of_field(step.node, step.field, scope_within(step.node, scope, directory))
    return scope


def _by_field(path: tuple[Step, ...], last: Step, scope: Scope, directory: Directory) -> Iterator[Candidate]:
    node, field = last.node, last.field
    if (type(node), field) in STATES:
        yield from _states(node, scope, directory)
        return
    match node:
        case t.Is() if field == "values":
            yield from _values_of(node.subject, scope, directory)
        case t.TableRow():
            owner = next(step.node for step in path if isinstance(step.node, t.Table | t.Parameter))
            yield from _row_keys(owner, last.index, directory)
        case t.Lookup() if field == "keys":
            yield from _labels(directory.key_labels(node.table.id, last.index, scope.kind), node.table.id)
            yield from _values(path, scope, directory)
        case t.Distribution() if field == "name":
            yield from _families(path, directory)
        case t.Argument():
            yield from _arguments(path) if node.name is None else ()
            yield from _values(path, scope, directory)
        case t.Generator() if field == "name":
            for row in NETWORKS.values():
                yield Candidate(row.name, "generator", row.help, f"{row.name}(")
        case t.GeneratorArgument():
            yield from _generator_arguments(path) if node.name is None else ()
            yield from _values(path, scope, directory)
        case _:
            yield from _declared(path, node, field, scope, directory)


_GROUP_OF: dict[tuple[type, str], tuple[str, ...]] = {
    (t.Condition, "of"): ("agent",), (t.Contagion, "of"): ("condition",), (t.Network, "joins"): ("agent",),
    (t.Network, "to"): ("agent",), (t.AtRandom, "mixing"): ("table",), (t.Spread, "networks"): ("network",),
    (t.Scaled, "networks"): ("network",), (t.Leave, "networks"): ("network",), (t.Scale, "networks"): ("network",),
    (t.Change, "target"): ("parameter",), (t.MoveTo, "condition"): ("condition",), (t.Except, "kind"): ("agent",),
    (t.Flow, "of"): ("condition",), (t.Spending, "interventions"): ("intervention",),
    (t.Repeated, "kind"): ("agent",), (t.WhileActive, "kind"): ("agent",), (t.Together, "kind"): ("agent",),
    (t.Together, "intervention"): ("intervention",), (t.Behaviour, "of"): ("agent",),
    (t.Rule, "of"): ("agent",), (t.RuleTime, "kind"): ("agent",),
    (t.Meeting, "whom"): ("network", "agent"),
    (t.Condition, "at_most_one"): ("condition",), (t.Compare, "scenarios"): ("scenario",),
    (t.Compare, "baseline"): ("scenario",), (t.Scenario, "without"): ("intervention", "behaviour", "rule"),
    (t.Scenario, "include"): ("scenario", "behaviour"), (t.Summary, "observation"): ("observe",),
    (t.Behaviour, "after"): ("behaviour",),
    (t.Fit, "observation"): ("observe",), (t.Calibrate, "estimate"): ("parameter",),
    (t.CheckQuantity, "of"): ("condition", "behaviour"), (t.Aggregate, "over"): ("agent", "network"),
    (t.Behaviour, "shifted"): ("parameter",),
}  # fmt: skip
_MEMBERS = {
    (t.Sharing, "place"), (t.Intervention, "of"), (t.SetTo, "target"), (t.Band, "of"), (t.Place, "within"),
    (t.Decides, "into"), (t.Table, "by"), (t.Parameter, "by"), (t.Fit, "by"), (t.Validate, "by"), (t.Summary, "by"),
}  # fmt: skip
_PLACES = {(t.Sharing, "place"), (t.Intervention, "of")}
_NEW = {(t.Attribute, "name"), (t.Place, "name"), (t.Attribute, "labels"), (t.Band, "labels"), (t.Condition, "states")}


def _declared(path: tuple[Step, ...], node: Any, field: str, scope: Scope, directory: Directory) -> Iterator[Candidate]:
    """Names of declarations where one kind of them belongs, members where these do, else whatever has a value."""
    is_new = (type(node), field) in _NEW or (type(node) in GROUPS and field == "name") or isinstance(node, t.Header)
    if isinstance(node, t.Agent) and node.extends and field == "name":
        yield from _named(directory, ("agent",))
    if is_new:
        return
    groups = _GROUP_OF.get((type(node), field))
    if groups is not None:
        yield from _named(directory, groups)
        if (type(node), field) == (t.Compare, "baseline"):
            yield Candidate("baseline", "keyword", "the model as it is written")
        if isinstance(node, t.Aggregate):
            yield from _members(directory, scope, True)
    elif (type(node), field) in _MEMBERS:
        yield from _members(directory, scope, (type(node), field) in _PLACES)
    elif (type(node), field) in ((t.Observe, "by"), (t.Knows, "names")):
        yield from _members(directory, scope)
        yield from _named(directory, ("condition", "observe"))
    elif (type(node), field) == (t.CheckQuantity, "quantity"):
        yield Candidate("R0", "keyword", "how many one case infects")
        yield Candidate("calls", "keyword", "of a behaviour: how often a language model is asked")
    else:
        yield from _values(path, scope, directory)


def _named(directory: Directory, groups: Iterable[str]) -> Iterator[Candidate]:
    for group in groups:
        for name, declaration in directory.names.named.get(group, {}).items():
            yield Candidate(name, group, _first(declaration.doc) or group)


def _first(doc: str) -> str:
    return plain(doc.split("\n", 1)[0])


def _states(node: Any, scope: Scope, directory: Directory) -> Iterator[Candidate]:
    conditions = directory.names.conditions()
    chosen = scope.condition if scope.condition in conditions else ""
    for name in (chosen,) if chosen else tuple(conditions):
        for state in conditions[name].states:
            yield Candidate(state.id, "state", f"of {name}")
    if isinstance(node, t.Spread):
        for name, condition in conditions.items():
            for state in condition.states if name != chosen else ():
                yield Candidate(state.id, "state", f"of {name}")


def _values_of(subject: Any, scope: Scope, directory: Directory) -> Iterator[Candidate]:
    """Values that something can have: states of a condition, labels of a category, active."""
    name = subject.id if isinstance(subject, t.Name | t.Theirs) else ""
    if name in directory.names.interventions():
        yield Candidate("active", "keyword", "the intervention is on")
    yield from _labels(directory.group_labels(name, scope.kind), name)


def _labels(labels: Iterable[str], of: str) -> Iterator[Candidate]:
    for label in labels:
        plain = label.replace("_", "a").isalnum() and not label[:1].isdigit()
        yield Candidate(label, "label", f"of {of}", label if plain or label.isdigit() else f'"{label}"')


def _row_keys(table: Any, index: int, directory: Directory) -> Iterator[Candidate]:
    by = [name.id for name in table.by]
    by = ["", *by] if isinstance(table, t.Parameter) and table.every is not None else by
    if index < len(by) and by[index]:
        yield from _labels(directory.group_labels(by[index]), by[index])


def _of_ties(directory: Directory) -> Iterator[Candidate]:
    """Columns of ties of every network; those from the other ends are the same."""
    for network in directory.names.networks().values():
        for column in () if isinstance(network.how, t.BackOf) else network.attributes:
            yield Candidate(column.name.id, "attribute", f"{_type(column.type)} of a tie of {network.name.id}")


def _members(directory: Directory, scope: Scope, places: bool = False) -> Iterator[Candidate]:
    """Attributes and places of the kind that is spoken of, else of every kind."""
    agents = directory.names.agents()
    for kind in (scope.kind,) if scope.kind in agents else tuple(agents):
        for member in agents[kind].attributes:
            if isinstance(member, t.Place):
                yield Candidate(member.name.id, "place", f"place of {kind}")
            elif not places:
                yield Candidate(member.name.id, "attribute", f"{_type(member.type)} of {kind}")


def _type(written: t.TypeName) -> str:
    unit = written.span.source.text[written.span.start : written.span.end]
    return unit or written.name


_ONLY_CONSTANTS = (t.Parameter, t.Table, t.Clock, t.Use, t.Scenario)


def _values(path: tuple[Step, ...], scope: Scope, directory: Directory) -> Iterator[Candidate]:
    """Names that an expression may read where it stands."""
    top = path[0].node
    if scope.labelled:
        yield from _labels(directory.labels(scope.kind, scope.labelled), scope.labelled)
    # Of an aggregate it is not known yet over whom it will be.
    is_of_somebody = any(isinstance(step.node, t.Aggregate) and step.field == "what" for step in path)
    if (scope.kind or is_of_somebody) and not isinstance(top, _ONLY_CONSTANTS):
        yield from _members(directory, scope)
    yield from _named(directory, ("parameter",))
    for name, table in directory.names.tables().items():
        by = ", ".join(n.id for n in table.by)
        yield Candidate(name, "table", f"by {by}" if by else "a list of shares", f"{name}[" if by else name)
    if not isinstance(top, (*_ONLY_CONSTANTS, t.Agent)):
        yield from _named(directory, ("observe", "condition", "intervention"))
    for name in sorted(RESERVED):
        yield Candidate(name, "keyword", "every model has it")
    for row in FUNCTIONS.values():
        yield Candidate(row.name, "function", "a function of numbers", f"{row.name}(")


def _families(path: tuple[Step, ...], directory: Directory) -> Iterator[Candidate]:
    """Distributions by what they are for here; tables of shares where something is drawn."""
    outer, outer_field = (path[-3].node, path[-3].field) if len(path) > 2 else (None, "")
    use = {t.After: "dwell", t.Parameter: "prior", t.Fit: "likelihood"}.get(type(outer), "draw")
    if use == "draw":
        for name, table in directory.names.tables().items():
            yield Candidate(name, "table", "a table of shares", f"{name}[" if table.by else name)
    if outer_field == "walk":
        yield Candidate(RANDOM_WALK.name, "distribution", RANDOM_WALK.example, f"{RANDOM_WALK.name}(")
    if outer_field == "walk" or isinstance(outer, t.Exit):
        return
    for row in DISTRIBUTIONS.values():
        if use in row.uses or (use == "draw" and isinstance(outer, t.Observe) and "dwell" in row.uses):
            yield Candidate(row.name, "distribution", row.example, f"{row.name}(")


def _arguments(path: tuple[Step, ...]) -> Iterator[Candidate]:
    """The names of a distribution's arguments that are not written yet."""
    family = next((s.node for s in reversed(path) if isinstance(s.node, t.Distribution)), None)
    row = SPELT_AS_LAWS.get(family.name.id) if family is not None else None
    if family is None or row is None:
        return
    used = {a.name for a in family.arguments if a.name is not None}
    forms = [*row.forms, *(row.likelihood.forms if row.likelihood is not None else ())]
    for name, role in dict(pair for form in forms for pair in form).items():
        word = name.removesuffix(" 2")
        if word not in used:
            yield Candidate(word, "argument", role, f"{word} ")


def _generator_arguments(path: tuple[Step, ...]) -> Iterator[Candidate]:
    generator = next((s.node for s in reversed(path) if isinstance(s.node, t.Generator)), None)
    row = NETWORKS.get(generator.name.id) if generator is not None else None
    if generator is None or row is None:
        return
    used = {a.name for a in generator.arguments}
    for argument in row.arguments:
        if argument.name not in used:
            yield Candidate(argument.name, "argument", argument.help, f"{argument.name} ")
