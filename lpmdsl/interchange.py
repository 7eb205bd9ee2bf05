"""Models and programs to and from JSON, so that other tools can read what the compiler knows and hand it back.

Every node is an object with its class as ``node`` (``ir.`` before it for one of the Program IR) and its fields; a field
at its default is left out. A span is ``[source, start, end]``, ``source`` being its place in the list ``sources`` at
the top, where each text stands once.
"""

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from hashlib import sha256
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from lpmdsl import quantities
from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.program import ir
from lpmdsl.program.ir import Program
from lpmdsl.semantics import model
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span

FORMAT_VERSION = 1


class SourceText(BaseModel):
    """A text that spans point into."""

    model_config = ConfigDict(extra="forbid")

    name: str
    text: str


class Envelope(BaseModel):
    """The whole file. ``sha256``: of ``body`` as JSON with sorted keys and no blanks."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["lpmdsl"] = "lpmdsl"
    version: Literal[1] = FORMAT_VERSION
    sha256: str
    sources: list[SourceText]
    body: dict[str, Any]


def to_json(node: Model | Program) -> str:
    """The model or program as one JSON text; ``from_json`` gives an equal one back."""
    sources: list[Source] = []
    body = _encode(node, sources)
    texts = [SourceText(name=s.name, text=s.text) for s in sources]
    envelope = Envelope(sha256=_hash(body), sources=texts, body=body)
    return json.dumps(envelope.model_dump(), ensure_ascii=False, allow_nan=False)


def from_json(text: str, name: str = "<json>") -> Model | Program:
    """The model or program that ``to_json`` wrote. Raises LpmError E0830; ``name`` is the file's, for the message."""
    try:
        envelope = Envelope.model_validate_json(text)
        if envelope.sha256 != _hash(envelope.body):
            raise _Unreadable("its body is not the one that its sha256 was made of")
        node = _decode(envelope.body, [Source(s.name, s.text) for s in envelope.sources])
    except ValidationError as error:
        first = error.errors()[0]
        raise _failure(name, " ".join([*map(str, first["loc"]), first["msg"]])) from error
    except RecursionError as error:
        raise _failure(name, "it is nested too deeply") from error
    except _Unreadable as error:
        raise _failure(name, str(error)) from error
    if not isinstance(node, Model | Program):
        raise _failure(name, f"its body is a `{_tag(type(node))}`, neither a model nor a program")
    return node


class _Unreadable(Exception):
    """Reason why the text cannot be read."""


def _failure(name: str, why: str) -> LpmError:
    return fail(
        "E0830",
        f"This does not read as a model or program: {why}.",
        Span(Source(name, ""), 0, 0),
        "Make the file again with `lpmc emit --target json`, by the same version of lpmc that reads it.",
    )


def _hash(body: dict[str, Any]) -> str:
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# ------------------------------------------------------------------ kinds of nodes


def _tag(node: type) -> str:
    return f"ir.{node.__name__}" if _stands_in(node, ir.__name__) else node.__name__


@cache
def _kinds() -> dict[str, type]:
    """Every dataclass of the two IRs and of types, by its tag."""
    found = [c for module in (quantities, model, ir) for c in vars(module).values() if _is_node(c, module.__name__)]
    return {_tag(c): c for c in found}


def _is_node(thing: object, module: str) -> bool:
    return isinstance(thing, type) and is_dataclass(thing) and _stands_in(thing, module)


def _stands_in(thing: type, module: str) -> bool:
    """Return True if a class is of a module or, if that is a package, of a module of it."""
    return thing.__module__ == module or thing.__module__.startswith(f"{module}.")


@cache
def _fields(node: type) -> dict[str, tuple[Field[Any], Any]]:
    """The fields of a node with their resolved types."""
    hints = get_type_hints(node)
    return {f.name: (f, hints[f.name]) for f in fields(node)}


# ------------------------------------------------------------------ writing


def _encode(value: Any, sources: list[Source]) -> Any:
    """Plain JSON values; what JSON lacks is an object with ``node``."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"node": "float", "value": str(value)}
        case Fraction():
            return {"node": "fraction", "value": str(value)}
        case Enum():
            return value.value
        case tuple():
            return [_encode(item, sources) for item in value]
        case Span():
            return {"node": "span", "at": [_number(value.source, sources), value.start, value.end]}
        case _:
            written = {name: getattr(value, name) for name, (f, _) in _fields(type(value)).items() if _says(value, f)}
            return {"node": _tag(type(value)), **{name: _encode(v, sources) for name, v in written.items()}}


def _says(node: object, f: Field[Any]) -> bool:
    """Return True if a field says more than its default (0 and 0.0 are two things: one prints as an integer)."""
    value = getattr(node, f.name)
    return f.default is MISSING or type(value) is not type(f.default) or value != f.default


def _number(source: Source, sources: list[Source]) -> int:
    """The source's place in the list, where it is put if it is new."""
    for number, known in enumerate(sources):
        if known is source or (known.name, known.text) == (source.name, source.text):
            return number
    sources.append(source)
    return len(sources) - 1


# ------------------------------------------------------------------ reading


def _decode(value: Any, sources: list[Source]) -> Any:
    match value:
        case list():
            return tuple(_decode(item, sources) for item in value)
        case {"node": "float", "value": "inf" | "-inf" | "nan" as written}:
            return float(written)
        case {"node": "fraction", "value": str(written)}:
            return _fraction(written)
        case {"node": "span", "at": [int(number), int(start), int(end)]} if 0 <= number < len(sources):
            if not 0 <= start <= end <= len(sources[number].text):
                raise _Unreadable(f"a span points outside `{sources[number].name}`")
            return Span(sources[number], start, end)
        case dict():
            return _node(value, sources)
        case _:
            return value


def _fraction(written: str) -> Fraction:
    try:
        return Fraction(written)
    except (ValueError, ZeroDivisionError) as error:
        raise _Unreadable(f"`{written}` is no fraction") from error


def _node(value: dict[str, Any], sources: list[Source]) -> Any:
    """The node of an object: its kind known, no field strange or missing, each of its type."""
    kind = value.get("node")
    node = _kinds().get(kind) if isinstance(kind, str) else None
    if node is None:
        raise _Unreadable(f"there is no kind of node `{kind}`")
    known = _fields(node)
    strange = [name for name in value if name != "node" and name not in known]
    missing = [name for name, (f, _) in known.items() if name not in value and f.default is MISSING]
    if strange or missing:
        raise _Unreadable(f"`{kind}` " + (f"has no field `{strange[0]}`" if strange else f"lacks `{missing[0]}`"))
    given = {name: _typed(_decode(value[name], sources), hint) for name, (_, hint) in known.items() if name in value}
    for name, field_value in given.items():
        if not _fits(field_value, known[name][1]):
            raise _Unreadable(f"`{name}` of `{kind}` cannot be {field_value!r:.80}")
    return node(**given)


def _typed(value: Any, hint: Any) -> Any:
    """The member of an enumeration that a field's text names; anything else as it is."""
    if isinstance(hint, type) and issubclass(hint, Enum) and value in {member.value for member in hint}:
        return hint(value)
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Return True if a decoded value is of a field's type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in inner
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return len(each) == len(value) and all(_fits(v, h) for v, h in zip(value, each, strict=True))
    if hint in (int, float) and isinstance(value, bool):
        return False
    if hint is None:
        return value is None
    return isinstance(value, int | float if hint is float else hint)
