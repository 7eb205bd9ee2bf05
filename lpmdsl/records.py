"""Frozen dataclasses with slots, made in a quarter of the time.

The standard library writes and compiles six functions for each of them, and trees and models are made of two hundred:
a fifth of the time of a check. Here the one that takes arguments is compiled, and the others are shared by all. A hash
is kept once it is worked out: it goes through a whole tree, and trees are asked for it again and again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, eq: bool = True) -> Callable[[type], type]:
        """Decorator: ``dataclasses.dataclass(frozen=True, slots=True)`` of a class with no other for a base."""
        if not (frozen and slots):
            raise TypeError("a record is frozen and has slots")
        return lambda cls: _record(cls, eq)


class _Hashed:
    """The place of a hash that is worked out; no field, and not told with them."""

    __slots__ = ("_hash_",)


def _record(cls: type, eq: bool) -> type:
    bases, qualname = cls.__bases__, cls.__qualname__
    words = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    words["__doc__"] = cls.__doc__ or cls.__name__  # else the standard library works out a signature for it
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(
        type(cls.__name__, (_Hashed,), {**words, "__qualname__": qualname})
    )
    parts = dataclasses.fields(made)
    if bases != (object,) or len(parts) != len(made.__dataclass_fields__):
        raise TypeError(f"{cls.__name__} is no plain record: it has a base, or names that are no fields of it")
    made.__dataclass_params__.frozen = True  # for those that the standard library makes of it
    shared = {"__setattr__": _refuse, "__delattr__": _refuse, "__getstate__": _state, "__setstate__": _restore}
    if eq:
        made.__compared__ = _values(f for f in parts if f.compare)
        made.__hashed__ = _values(f for f in parts if (f.compare if f.hash is None else f.hash))
        shared |= {"__eq__": _equal, "__hash__": _hash}
    written = {name for name, value in cls.__dict__.items() if value is not None}  # beside an `__eq__`, `__hash__` is
    for name, function in {"__init__": _taking(made, parts), "__repr__": _shown, **shared}.items():
        if name not in written:
            setattr(made, name, function)
    return made


def _taking(made: type, parts: tuple[Field, ...]) -> Callable[..., None]:
    """The ``__init__`` of a record."""
    known: dict[str, Any] = {"__set": object.__setattr__, "__missing": MISSING}
    positional, named, lines = [], [], []
    for f in parts:
        given, value = f.name, f.name
        if f.default is not MISSING:
            known[f"__default_{f.name}"] = f.default
            given = f"{f.name}=__default_{f.name}"
        elif f.default_factory is not MISSING:
            known[f"__make_{f.name}"] = f.default_factory
            given = f"{f.name}=__missing"
            value = f"__make_{f.name}() if {f.name} is __missing else {f.name}"
        if not f.init:
            raise TypeError(f"{made.__name__}.{f.name}: a record takes all its fields")
        (named if f.kw_only else positional).append(given)
        lines.append(f" __set(__self, {f.name!r}, {value})")
    lines += [" __self.__post_init__()"] if hasattr(made, "__post_init__") else []
    arguments = ", ".join(["__self", *positional, *(["*", *named] if named else [])])
    exec("\n".join([f"def __init__({arguments}):", *(lines or [" pass"])]), known)
    known["__init__"].__qualname__ = f"{made.__qualname__}.__init__"
    return known["__init__"]


def _values(parts: Any) -> Callable[[Any], tuple[Any, ...]]:
    """The function that gives the values of some fields as a tuple."""
    names = [f.name for f in parts]
    if len(names) > 1:
        return attrgetter(*names)
    return staticmethod(lambda record: tuple(getattr(record, name) for name in names))


# ------------------------------------------------------------------ shared by all records


def _equal(self: Any, other: object) -> bool:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__compared__(self) == other.__compared__(other)  # type: ignore[attr-defined]


def _hash(self: Any) -> int:
    try:
        return self._hash_
    except AttributeError:
        value = hash(self.__hashed__(self))
        object.__setattr__(self, "_hash_", value)
        return value


def _shown(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: Any, name: str, *value: Any) -> None:
    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for f, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, f.name, value)
