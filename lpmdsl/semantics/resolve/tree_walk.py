"""Walking the syntax tree: the names in it, renaming them, and putting declarations in the order of their needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from lpmdsl.source import Span
from lpmdsl.syntax import tree

SLOT = re.compile(r"\{([^{}]*)\}")
"""``{cases}`` in a prompt."""

_LABEL_FIELDS = {
    (tree.Condition, "states"),
    (tree.Condition, "removed"),
    (tree.Condition, "seen"),
    (tree.Start, "state"),
    (tree.Except, "state"),
    (tree.Exit, "states"),
    (tree.Branch, "to"),
    (tree.While, "states"),
    (tree.OnEntering, "states"),
    (tree.Spread, "states"),
    (tree.Flow, "states"),
    (tree.Ending, "states"),
    (tree.MoveTo, "state"),
    (tree.Is, "values"),
    (tree.TableRow, "keys"),
    (tree.Change, "part"),
    (tree.Band, "labels"),
    (tree.Decides, "among"),
    (tree.Attribute, "labels"),
    (tree.Attribute, "name"),
    (tree.Place, "name"),
    (tree.Table, "column"),
    (tree.Table, "over"),
    (tree.Fit, "column"),
    (tree.Validate, "column"),
    (tree.Validate, "distance"),
    (tree.Call, "function"),
}
"""Fields of the tree whose name is a state, a label, a member or a column, not a declaration."""


def names_in(node: object) -> Iterator[str]:
    """Every name in a piece of tree that may be a declaration's."""
    if isinstance(node, tree.Name | tree.Theirs):
        yield node.id
    elif isinstance(node, tuple):
        for item in node:
            yield from names_in(item)
    elif _is_tree(node):
        for f in fields(node):  # type: ignore[arg-type]
            if (type(node), f.name) not in _LABEL_FIELDS:
                yield from names_in(getattr(node, f.name))


def rename(node: Any, new: dict[str, str]) -> Any:
    """A copy in which declarations' names are replaced; states, labels and members keep theirs."""
    if isinstance(node, tree.Name | tree.Theirs):
        return replace(node, id=new.get(node.id, node.id))
    if isinstance(node, tree.Text):
        return replace(node, text=SLOT.sub(lambda slot: f"{{{new.get(slot[1], slot[1])}}}", node.text))
    if isinstance(node, tuple):
        return tuple(rename(item, new) for item in node)
    if not _is_tree(node):
        return node
    changed = {
        f.name: rename(getattr(node, f.name), new) for f in fields(node) if (type(node), f.name) not in _LABEL_FIELDS
    }
    return replace(node, **changed)


def _is_tree(node: object) -> bool:
    return hasattr(node, "__dataclass_fields__") and not isinstance(node, Span)


def in_order(declared: dict[str, Any], part: Callable[[Any], object]) -> tuple[list[Any], list[tuple[str, ...]]]:
    """The declarations so that each comes after those its ``part`` names, and the circles among them."""
    needs = {name: [other for other in names_in(part(d)) if other in declared] for name, d in declared.items()}
    done: dict[str, Any] = {}
    circles: list[tuple[str, ...]] = []
    for first in declared:
        path: dict[str, Iterator[str]] = {} if first in done else {first: iter(needs[first])}
        while path:
            name = next(reversed(path))
            other = next((o for o in path[name] if o not in done), None)
            if other is None:
                del path[name]
                done[name] = declared[name]
            elif other in path:
                names = list(path)
                circles.append((*names[names.index(other) :], other))
            else:
                path[other] = iter(needs[other])
    return list(done.values()), circles
