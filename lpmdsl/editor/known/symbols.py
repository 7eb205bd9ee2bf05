"""Symbols: what a name in a text stands for, and where that is declared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpmdsl.semantics.resolve.names import Names
from lpmdsl.source import Span
from lpmdsl.syntax import tree as t


@dataclass(frozen=True, slots=True)
class Symbol:
    """``kind``: the word that declares it, or ``state``, ``attribute``, ``place``, ``label``, ``alias``.

    ``name``: as it is declared; ``span``: there. ``owner``: whose state, attribute or label it is.
    """

    kind: str
    name: str
    span: Span
    owner: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Identity that tells it from every other symbol in all files."""
        source = self.span.source
        path = str(source.path.resolve()) if source.path else source.name
        return self.kind, self.name, path, self.span.start

    @property
    def path(self) -> Path | None:
        """The file in which it is declared."""
        return self.span.source.path


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name in a text that stands for a symbol. ``prefix``: what ``use … as`` puts before the symbol's own name."""

    span: Span
    symbol: Symbol
    is_definition: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """Symbols by the names under which a text knows them."""

    names: Names

    def declared(self, name: str) -> Occurrence | None:
        """The symbol of a declaration, at its place of declaration."""
        word = self.names.word_of(name)
        return None if word is None else self.named(word, name)

    def named(self, word: str, name: str) -> Occurrence | None:
        """The symbol of the declaration that begins with ``word``."""
        found = self.names.named.get(word, {}).get(name)
        if found is None:
            return None
        own = written(found.name.span) or name
        prefix = name[: len(name) - len(own)] if name.endswith(own) else ""
        return Occurrence(found.name.span, Symbol(word, own, found.name.span), True, prefix)

    def state(self, condition: str, name: str) -> Symbol | None:
        """A state of a condition."""
        found = self.names.conditions().get(condition)
        for state in found.states if found is not None else ():
            if state.id == name:
                return Symbol("state", name, state.span, condition)
        return None

    def any_state(self, name: str, first: str = "") -> Symbol | None:
        """A state of the condition ``first``, else of the first that has one of this name."""
        for condition in (first, *self.names.conditions()):
            found = self.state(condition, name)
            if found is not None:
                return found
        return None

    def attribute(self, kind: str, name: str) -> tuple[str, t.Attribute | t.Place] | None:
        """A member of a kind of agent, else of the first kind that has one of this name; with that kind."""
        agents: dict[str, t.Agent] = self.names.agents()
        for of in (kind, *agents):
            for member in agents[of].attributes if of in agents else ():
                if member.name.id == name:
                    return of, member
        return None

    def member(self, kind: str, name: str) -> Symbol | None:
        """The same as a symbol."""
        found = self.attribute(kind, name)
        if found is None:
            return None
        of, member = found
        return Symbol("place" if isinstance(member, t.Place) else "attribute", name, member.name.span, of)

    def labels(self, kind: str, attribute: str, depth: int = 0) -> dict[str, Span]:
        """The labels of a category that the text names, each with the place where it is named first."""
        found = self.attribute(kind, attribute)
        if found is None or depth > 4 or not isinstance(found[1], t.Attribute):
            return {}
        of, member = found[0], found[1]
        if member.labels or isinstance(member.value, t.Band):
            labels = member.labels or (member.value.labels if isinstance(member.value, t.Band) else ())
            return {label.id: label.span for label in labels}
        if isinstance(member.value, t.Name):
            return self.labels(of, member.value.id, depth + 1)
        return self._drawn(of, attribute, member.drawn, depth) if member.drawn is not None else {}

    def _drawn(self, kind: str, attribute: str, drawn: t.Distribution, depth: int) -> dict[str, Span]:
        table: t.Table | None = self.names.tables().get(drawn.name.id)
        if table is None:
            return {a.name: argument_name(a) for a in drawn.arguments if a.name is not None}
        last = table.by[-1].id if table.by else ""
        if last and last != attribute and self.attribute(kind, last):
            return self.labels(kind, last, depth + 1)
        return first_keys(table, len(table.by) - 1 if table.by else 0)

    def label(self, kind: str, attribute: str, label: str) -> Symbol | None:
        """A label of a category."""
        found = self.attribute(kind, attribute)
        place = self.labels(kind, attribute).get(label)
        if found is None or place is None:
            return None
        return Symbol("label", label, place, f"{found[0]}.{attribute}")

    def key_labels(self, table: str, index: int, kind: str = "", of: int = 0) -> dict[str, Span]:
        """The labels by which an entry of a table, a group of a report or a part of a family of parameters is named at
        one of ``of`` places in brackets."""
        by = self.keyed_by(table, of)
        found = self.group_labels(by[index], kind) if index < len(by) else {}
        written_: t.Table | None = self.names.tables().get(table)
        return first_keys(written_, index) if written_ is not None and not found else found

    def keyed_by(self, name: str, of: int = 0) -> list[str]:
        """Names of what ``of`` labels in brackets after a name are labels of; "" is the number of a piece of time."""
        family: t.Parameter | None = self.names.parameters().get(name)
        written_: t.Table | t.Observe | t.Parameter | None = (
            self.names.tables().get(name) or self.names.observations().get(name) or family
        )
        by = [one.id for one in written_.by] if written_ is not None else []
        return ["", *by] if family is not None and family.every is not None and of != len(by) else by

    def group_labels(self, name: str, kind: str = "") -> dict[str, Span]:
        """The labels of an attribute, or the states of a condition."""
        condition: t.Condition | None = self.names.conditions().get(name)
        if condition is not None:
            return {state.id: state.span for state in condition.states}
        return self.labels(kind, name)


def written(span: Span) -> str:
    """The text of a name as it stands in its file, without quotes."""
    return span.source.text[span.start : span.end].strip('"')


def argument_name(argument: Any) -> Span:
    """The name of an argument, ``child`` in ``categorical(child 20 %)``."""
    at = argument.span.start
    quoted = argument.span.source.text[at : at + 1] == '"'
    return Span(argument.span.source, at, at + len(argument.name) + 2 * quoted)


def first_keys(table: t.Table, index: int) -> dict[str, Span]:
    """The labels of the rows at one place, each with its first place."""
    found: dict[str, Span] = {}
    for row in table.rows:
        if index < len(row.keys):
            found.setdefault(row.keys[index].id, row.keys[index].span)
    return found
