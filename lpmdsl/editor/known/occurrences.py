"""Every name in a text and what it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from lpmdsl.editor.known.symbols import Directory, Occurrence, Symbol, argument_name
from lpmdsl.semantics.resolve.names import GROUPS, Names
from lpmdsl.semantics.resolve.tree_walk import SLOT
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t

STATES = {
    (t.Condition, "removed"), (t.Condition, "seen"), (t.Start, "state"), (t.Except, "state"), (t.Exit, "states"),
    (t.Branch, "to"),
    (t.While, "states"), (t.OnEntering, "states"), (t.Spread, "states"), (t.Flow, "states"), (t.Flow, "origins"),
    (t.MoveTo, "state"), (t.Ending, "states"),
}  # fmt: skip
"""Fields that name states of the condition that is being spoken of."""
WORDS = {
    (t.Call, "function"), (t.Generator, "name"), (t.Fit, "column"), (t.Validate, "column"), (t.Validate, "distance"),
    (t.Table, "column"), (t.CheckQuantity, "quantity"), (t.Calibrate, "method"), (t.Header, "name"),
}  # fmt: skip
"""Fields whose name is a word of the language or the column of a file."""
_AMONG = (t.Decides, "among")


@dataclass(frozen=True, slots=True)
class Scope:
    """``kind``: whose attributes are read; ``condition``: whose states are named; ``labelled``: the attribute whose
    labels a bare name may be."""

    kind: str = ""
    condition: str = ""
    labelled: str = ""


def occurrences(module: t.Module, names: Names) -> tuple[Occurrence, ...]:
    """The names of a text that stand for something declared, in the order of their places, each once."""
    found: dict[int, Occurrence] = {}
    walk = _Walk(Directory(names))
    for declaration in module.declarations:
        for one in walk.declaration(declaration):
            if one.span.source.name == module.source.name and one.span.end > one.span.start:
                found.setdefault(one.span.start, one)
    return tuple(found[at] for at in sorted(found))


@dataclass(frozen=True, slots=True)
class _Walk:
    directory: Directory

    def declaration(self, node: t.Declaration) -> Iterator[Occurrence]:
        """The names of a declaration; its own comes first."""
        if isinstance(node, t.Use):
            yield from self._use(node)
            return
        name = getattr(node, "name", None)
        if name is not None:
            found = self.directory.named(GROUPS[type(node)], name.id)
            if found is not None:
                yield replace(found, span=name.span, is_definition=found.symbol.span == name.span)
        yield from self.parts(node, scope_within(node, Scope(), self.directory), skip="name")

    def _use(self, node: t.Use) -> Iterator[Occurrence]:
        """Names in a `use`: those after ``only`` and ``with`` are the library's own."""
        prefix = f"{node.alias.id}_" if node.alias else ""
        if node.alias is not None:
            yield Occurrence(node.alias.span, Symbol("alias", node.alias.id, node.alias.span), True)
        for item in node.only:
            found = self.directory.named(item.kind, (prefix if item.kind != "agent" else "") + item.name.id)
            if found is not None:
                yield Occurrence(item.name.span, found.symbol)
        for name, value in node.settings:
            found = self.directory.named("parameter", prefix + name.id)
            if found is not None:
                yield Occurrence(name.span, found.symbol)
            yield from self._any(value, Scope())

    def parts(self, node: Any, scope: Scope, skip: str = "") -> Iterator[Occurrence]:
        """The names in the fields of a node."""
        match node:
            case t.Is():
                yield from self._is(node, scope)
            case t.Lookup():
                yield from self._lookup(node, scope)
            case t.Table():
                yield from self._rows(node, scope)
            case t.Parameter() if node.is_family:
                yield from self._rows(node, scope)
                yield from self._any((node.value, node.walk, node.prior, node.low, node.high), scope)
            case t.Change():
                yield from self._name(node.target, scope)
                for index, key in enumerate(node.part):
                    yield from self._key(node.target.id, index, key, scope, len(node.part))
                yield from self._any(node.value, scope)
            case t.Theirs():
                named = self.directory.named("condition", node.id)
                found = self.directory.member(scope.kind, node.id) or (named and named.symbol)
                yield from self._one(found, _last(node.span, node.id))
            case t.Text():
                yield from self._slots(node, scope)
            case _:
                yield from self._fields(node, scope, skip)

    def _fields(self, node: Any, scope: Scope, skip: str) -> Iterator[Occurrence]:
        for f in fields(node):
            if f.name != skip and (type(node), f.name) not in WORDS:
                inner = scope_of_field(node, f.name, scope)
                yield from self._field(node, f.name, getattr(node, f.name), inner)

    def _field(self, node: Any, name: str, value: Any, scope: Scope) -> Iterator[Occurrence]:
        if (type(node), name) in STATES:
            for state in value if isinstance(value, tuple) else (value,):
                if isinstance(state, t.Theirs):
                    yield from self.parts(state, scope)
                    continue
                yield from self._one(self.directory.any_state(state.id, scope.condition), state.span)
        elif isinstance(node, t.Condition) and name == "states":
            for state in value:
                yield from self._one(self.directory.state(scope.condition, state.id), state.span)
        elif isinstance(node, t.Attribute | t.Place) and name == "name":
            yield from self._one(self.directory.member(scope.kind, value.id), value.span)
        elif (isinstance(node, t.Attribute | t.Band) and name == "labels") or (type(node), name) == _AMONG:
            for label in value:
                yield from self._label(scope, label.id, label.span)
        elif isinstance(node, t.Argument) and name == "name":
            if value is not None and scope.labelled:
                yield from self._label(scope, value, argument_name(node))
        else:
            yield from self._any(value, scope)

    def _any(self, value: Any, scope: Scope) -> Iterator[Occurrence]:
        if isinstance(value, t.Name):
            yield from self._name(value, scope)
        elif isinstance(value, tuple):
            for item in value:
                yield from self._any(item, scope)
        elif hasattr(value, "__dataclass_fields__") and not isinstance(value, Span | t.Quantity | t.TypeName):
            yield from self.parts(value, scope_within(value, scope, self.directory))

    def _name(self, name: t.Name, scope: Scope) -> Iterator[Occurrence]:
        """A bare name: a declaration's, a member's, or a label where one may stand."""
        found = self.directory.declared(name.id)
        if found is not None:
            yield replace(found, span=name.span, is_definition=found.symbol.span == name.span)  # `back NAME` declares
            return
        member = self.directory.member(scope.kind, name.id)
        if member is not None:
            yield from self._one(member, name.span)
        elif scope.labelled:
            yield from self._label(scope, name.id, name.span)

    def _one(self, symbol: Symbol | None, span: Span) -> Iterator[Occurrence]:
        if symbol is not None:
            yield Occurrence(span, symbol, symbol.span == span)

    def _label(self, scope: Scope, label: str, span: Span) -> Iterator[Occurrence]:
        yield from self._one(self.directory.label(scope.kind, scope.labelled, label), span)

    def _is(self, node: t.Is, scope: Scope) -> Iterator[Occurrence]:
        yield from self._any(node.subject, scope)
        subject = node.subject.id if isinstance(node.subject, t.Name | t.Theirs) else ""
        for value in node.values:
            state = self.directory.state(subject, value.id)
            yield from self._one(state or self.directory.label(scope.kind, subject, value.id), value.span)

    def _lookup(self, node: t.Lookup, scope: Scope) -> Iterator[Occurrence]:
        yield from self._name(node.table, scope)
        for index, key in enumerate(node.keys):
            labels = self.directory.key_labels(node.table.id, index, scope.kind, len(node.keys))
            known = isinstance(key, t.Name) and key.id in labels
            if known and self.directory.declared(key.id) is None:  # type: ignore[union-attr]
                yield from self._key(node.table.id, index, key, scope, len(node.keys))  # type: ignore[arg-type]
            else:
                yield from self._any(key, scope)

    def _rows(self, node: t.Table | t.Parameter, scope: Scope) -> Iterator[Occurrence]:
        yield from self._any(node.by, scope)
        for row in node.rows:
            for index, key in enumerate(row.keys):
                yield from self._key(node.name.id, index, key, scope, len(row.keys))
            if isinstance(row.value, t.Name):
                yield from self._named(node, row.value, scope)

    def _named(self, node: t.Table | t.Parameter, value: t.Name, scope: Scope) -> Iterator[Occurrence]:
        """A label as the value of a row: of the first category that the table is by and that has it."""
        found = (self.directory.label(scope.kind, by.id, value.id) for by in node.by)
        label = next((symbol for symbol in found if symbol is not None), None)
        yield from self._one(label, value.span) if label is not None else ()

    def _key(self, table: str, index: int, key: t.Name, scope: Scope, of: int) -> Iterator[Occurrence]:
        """A label in the row of a table or in brackets; a list's own labels belong to what is drawn from it."""
        place = self.directory.key_labels(table, index, scope.kind, of).get(key.id)
        if place is not None:
            keyed = self.directory.keyed_by(table, of)
            by = keyed[index] if index < len(keyed) else table
            condition = self.directory.state(by, key.id)
            label = self.directory.label(scope.kind, by, key.id)
            yield from self._one(condition or label or Symbol("label", key.id, place, by), key.span)

    def _slots(self, node: t.Text, scope: Scope) -> Iterator[Occurrence]:
        for slot in SLOT.finditer(node.text):
            start = node.span.start + slot.start(1)
            span = Span(node.span.source, start, start + len(slot[1]))
            yield from self._name(t.Name(slot[1], span), scope)


def _last(span: Span, word: str) -> Span:
    return Span(span.source, span.end - len(word), span.end)


# ------------------------------------------------------------------ scopes


def scope_within(node: Any, scope: Scope, directory: Directory) -> Scope:
    """The scope inside a node."""
    match node:
        case t.Agent():
            return Scope(node.name.id)
        case t.Attribute():
            return replace(scope, labelled=node.name.id)
        case t.Condition():
            return Scope(node.of.id, node.name.id)
        case t.Contagion():
            return Scope(_kind_of(node.of.id, directory), node.of.id)
        case t.Network():
            return Scope(node.joins.id)
        case t.Rule():
            return Scope(node.of.id)
        case t.Behaviour():
            return Scope(node.of.id, "", node.decides[0].into.id if node.decides else "")
        case t.Decides():
            return replace(scope, labelled=node.into.id)
        case t.Repeated() | t.WhileActive():
            return replace(scope, kind=node.kind.id) if node.kind is not None else scope
        case t.Flow():
            condition = node.of.id if node.of else ""
            return replace(scope, condition=condition) if condition else scope
        case t.MoveTo():
            return replace(scope, condition=node.condition.id)
        case t.SetTo():
            return replace(scope, labelled=node.target.id)
        case t.Aggregate() if isinstance(node.over, t.Name):
            return replace(scope, kind=_counted(node.over.id, scope, directory))
        case t.Observe():
            return Scope(_observed(node, directory))
        case _:
            return scope


def scope_of_field(node: Any, field: str, scope: Scope) -> Scope:
    """The scope of one field: a limit, a chance and a condition of an attribute are no labels of it."""
    if isinstance(node, t.Network) and field == "attributes":
        return Scope()  # these are the ties' own
    keeps = field in ("value", "labels", "drawn", "missing", "otherwise", "cases", "arguments", "name")
    return scope if keeps or not scope.labelled else replace(scope, labelled="")


def _kind_of(condition: str, directory: Directory) -> str:
    found = directory.names.conditions().get(condition)
    return found.of.id if found is not None else ""


def _counted(over: str, scope: Scope, directory: Directory) -> str:
    if over in directory.names.agents():
        return over
    network = directory.names.networks().get(over)
    return network.joins.id if network is not None else scope.kind


def _observed(node: t.Observe, directory: Directory) -> str:
    """The kind of agents that a report of moves counts."""
    if not isinstance(node.value, t.Flow):
        return ""
    of = node.value.of.id if node.value.of else ""
    states = {state.id for state in node.value.states}
    for name, condition in directory.names.conditions().items():
        if name == of or (not of and states & {s.id for s in condition.states}):
            return condition.of.id
    return ""
