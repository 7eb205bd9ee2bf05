"""From an archetype to a request: the prompt with its slots filled, the schema of the reply, the key in the ledger."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lpmdsl.quantities import Kind
from lpmdsl.semantics.analysis.archetypes import DECISIONS, answers_of, bounds_of
from lpmdsl.semantics.model import Answer, Behaviour
from lpmdsl.semantics.resolve.tree_walk import SLOT

MOST_OF_A_SLOT = 200
"""Characters of one label in a prompt: a label is a word or a band, and what is longer is no label."""
DEFAULT_SYSTEM = "Answer as the person who is described would. Reply in JSON."

# Servers read these in user text as what they are in a chat template (llama.cpp takes a literal `<|im_end|>` for the
# real control token), so that a label could end the user's turn and begin one of its own.
_CONTROL = re.compile(
    r"<\|[^<>]{0,80}?\|>"  # <|im_start|>, <|eot_id|>
    r"|<｜[^<>]{0,80}?｜>"  # the same with full-width bars
    r"|\[/?[A-Z][A-Z_]{1,40}\]"  # [INST], [/INST], [TOOL_CALLS]
    r"|<</?[A-Za-z]{1,40}>>"  # <<SYS>>
    r"|</?[A-Za-z][A-Za-z0-9_]{0,40}/?>"  # <s>, </s>, <start_of_turn>, <unused12>, <0x0A> is below
    r"|<0x[0-9A-Fa-f]{2}>"
    r"|<\||\|>|<｜|｜>"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a reply says, by its name in the reply's object.

    A word of ``words``, which stands for the label of the same place in ``labels`` (numbers); or, where there are none,
    a whole number from ``low`` to ``high``, ``scale`` times the value.
    """

    name: str
    words: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    low: int = 0
    high: int = 100
    scale: float = 100.0


@dataclass(frozen=True, slots=True)
class Request:
    """Request for one archetype: ``body`` is canonical JSON, ``key`` its SHA-256. ``parts``: what a reply says, in the
    order of its object."""

    key: str
    body: str
    parts: tuple[Part, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the first thing that a reply says, such as (no, yes); () where it is no word."""
        return self.parts[0].words

    @property
    def content(self) -> dict[str, Any]:
        """Body as an object."""
        return json.loads(self.body)

    def seed(self, ask: int) -> int:
        """The server's seed for the n-th ask: other archetypes and other asks have other seeds."""
        return int.from_bytes(hashlib.sha256(f"{self.key}/{ask}".encode()).digest()[:4], "big") & 0x7FFFFFFF


def request_of(behaviour: Behaviour, labels: tuple[str, ...], model: str, temperature: float, length: int) -> Request:
    """The request of an archetype. Nothing of the server, the step or the replicate is in it.

    ``labels``: those of ``knows``, then of the remembered decisions. ``length``: tokens of a reply at most.
    """
    filled = slots(behaviour, labels)
    parts = parts_of(behaviour)
    settings = {
        "max_tokens": length * len(parts), "temperature": temperature, "top_logprobs": 0 if behaviour.asks else 20
    }  # fmt: skip
    content = {
        "messages": [
            {"content": fill(behaviour.system or DEFAULT_SYSTEM, filled), "role": "system"},
            {"content": fill(behaviour.prompt, filled), "role": "user"},
        ],
        "model": model,
        "schema": schema_of(parts),
        "settings": settings,
    }
    body = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Request(hashlib.sha256(body.encode()).hexdigest(), body, parts)


def parts_of(behaviour: Behaviour) -> tuple[Part, ...]:
    """Parts of a reply: one thing by its kind, several by the names of their attributes."""
    found = answers_of(behaviour)
    return tuple(_part(answer, answer.into if len(found) > 1 else "") for answer in found)


def _part(answer: Answer, name: str) -> Part:
    low, high = bounds_of(answer)
    match answer.decides.kind:
        case Kind.BOOLEAN:
            return Part(name or "decision", answer.words or ("no", "yes"), (0, 1))
        case Kind.CATEGORY:
            labels = answer.decides.labels
            words = answer.among or labels
            return Part(name or "decision", words, tuple(labels.index(word) for word in words))
        case Kind.NUMBER:
            return Part(name or "number", low=round(low), high=round(high), scale=1.0)
        case _:
            return Part(name or "percent", low=round(100 * low), high=round(100 * high))


def schema_of(parts: tuple[Part, ...]) -> dict[str, Any]:
    """``{"decision": word}`` or ``{"percent": 0 … 100}``: whole, as servers do not hold to bounds of floats."""
    names = [part.name for part in parts]
    properties = {part.name: _wanted(part) for part in parts}
    return {"additionalProperties": False, "properties": properties, "required": names, "type": "object"}


def _wanted(part: Part) -> dict[str, Any]:
    if part.words:
        return {"enum": list(part.words), "type": "string"}
    return {"maximum": part.high, "minimum": part.low, "type": "integer"}


def slots(behaviour: Behaviour, labels: tuple[str, ...]) -> dict[str, str]:
    """Text for each slot: a label, and for ``{decisions}`` the remembered ones, the latest first."""
    known = len(behaviour.knows)
    filled = {k.slot: clean(label) for k, label in zip(behaviour.knows, labels[:known], strict=True)}
    if behaviour.remembers:
        filled[DECISIONS] = ", ".join(clean(label) for label in labels[known:])
    return filled


def fill(text: str, filled: dict[str, str]) -> str:
    """The text with its slots filled, in one pass: braces in a label stay what they are."""
    return SLOT.sub(lambda m: filled.get(m[1], ""), text)


@lru_cache(maxsize=4096)  # a few labels make up all archetypes
def clean(label: str) -> str:
    """A label as data: one line, no control characters, no markers of a chat template, at most 200 characters."""
    text = unicodedata.normalize("NFC", label)
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    while (shorter := _CONTROL.sub("", text)) != text:  # again: taking one out may have made another
        text = shorter
    return " ".join(text.split())[:MOST_OF_A_SLOT]
