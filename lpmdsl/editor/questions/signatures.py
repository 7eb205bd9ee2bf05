"""Signatures: the arguments of a distribution, a function or a network generator while it is being written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lpmdsl.distributions.family import Family
from lpmdsl.distributions.table import SPELT_AS_LAWS
from lpmdsl.networks.generators import NETWORKS, NetworkGenerator
from lpmdsl.semantics.functions import FUNCTIONS, Function
from lpmdsl.source import Source

FURTHEST = 2_000
"""Characters before the cursor among which the bracket is looked for."""
_NAME = re.compile(r"([A-Za-z_]\w*)[ \t]*$")


@dataclass(frozen=True, slots=True)
class Signature:
    """``name(argument, argument)`` with a word on each argument and on the whole."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    about: str

    @property
    def label(self) -> str:
        """The signature as it is written."""
        return f"{self.name}({', '.join(name for name, _ in self.arguments)})"


@dataclass(frozen=True, slots=True)
class Signatures:
    """The ways in which a call can be written. ``chosen`` fits what is written, and ``argument`` is being written."""

    found: tuple[Signature, ...]
    chosen: int
    argument: int


def signatures(source: Source, offset: int) -> Signatures | None:
    """The signatures of what the cursor stands in the brackets of, None where it stands in none."""
    text = source.text[max(0, offset - FURTHEST) : offset]
    at = _open_bracket(text)
    name = _NAME.search(text, 0, at) if at is not None else None
    if at is None or name is None:
        return None
    is_network = re.search(r"\bas[ \t]*$", text[: name.start()]) is not None
    found = signatures_of(name[1], is_network)
    if not found:
        return None
    written = _arguments(text[at + 1 :])
    chosen = _chosen(found, written)
    return Signatures(found, chosen, _active(found[chosen], written))


def _open_bracket(text: str) -> int | None:
    """The last bracket that is not closed, on the way back to the start of a declaration."""
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        if text[i] == ")":
            depth += 1
        elif text[i] == "(":
            if depth == 0:
                return i
            depth -= 1
    return None


def _arguments(text: str) -> list[str]:
    """The texts between the commas; a comma inside brackets or quotes is none."""
    parts, depth, quoted = [""], 0, False
    for c in text:
        quoted ^= c == '"'
        depth += (c in "([") - (c in ")]") if not quoted else 0
        if c == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def signatures_of(name: str, is_network: bool) -> tuple[Signature, ...]:
    """The ways to write a name with brackets, () for one that has none. ``is_network``: it stands after ``as``."""
    if is_network and name in NETWORKS:
        return (_generator(NETWORKS[name]),)
    if name in SPELT_AS_LAWS:
        return _family(SPELT_AS_LAWS[name])
    if name in FUNCTIONS:
        return (_function(FUNCTIONS[name]),)
    return (_generator(NETWORKS[name]),) if name in NETWORKS else ()


def _family(row: Family) -> tuple[Signature, ...]:
    forms = list(row.forms)
    if row.likelihood is not None:
        forms += [form for form in row.likelihood.forms if form not in forms]
    about = f"For example `{row.example}`."
    if not forms:
        return (Signature(row.name, (("LABEL share", "a label and its share"), ("…", "more of them")), about),)
    return tuple(Signature(row.name, tuple((n.removesuffix(" 2"), role) for n, role in form), about) for form in forms)


def _function(row: Function) -> Signature:
    _, most = row.arity
    names = ["x"] if most == 1 else ["a", "b", "…"] if most is None else [chr(97 + i) for i in range(most)]
    told = {
        "pure": "a pure number", "same": "any unit, the same for all", "square root": "any unit", "number out": "any",
    }[row.dimensions]  # fmt: skip
    return Signature(row.name, tuple((name, told) for name in names), "A function of numbers.")


def _generator(row: NetworkGenerator) -> Signature:
    return Signature(row.name, tuple((a.name, a.help) for a in row.arguments), row.help)


def _first_word(text: str) -> str:
    found = re.match(r"\s*([A-Za-z_]\w*)\s", text)
    return found[1] if found else ""


def _chosen(found: tuple[Signature, ...], written: list[str]) -> int:
    """The first signature that has every argument which is written by its name."""
    known = {name for s in found for name, _ in s.arguments}
    named = {word for part in written if (word := _first_word(part + " ")) in known}
    fits = (i for i, s in enumerate(found) if named <= {n for n, _ in s.arguments} and len(written) <= len(s.arguments))
    return next(fits, 0)


def _active(signature: Signature, written: list[str]) -> int:
    names = [name for name, _ in signature.arguments]
    word = _first_word(written[-1] + " ")
    return names.index(word) if word in names else min(len(written), max(1, len(names))) - 1
