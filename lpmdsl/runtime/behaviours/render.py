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
from lpmdsl.semantics.analysis.archetypes import DECISIONS, labels_of
from lpmdsl.semantics.model import Behaviour
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
class Request:
    """Request for one archetype: ``body`` is canonical JSON, ``key`` its SHA-256. ``words``: (no, yes), or the
    category's labels; () where the reply is a percentage."""

    key: str
    body: str
    words: tuple[str, ...]

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
    words = answer_words(behaviour)
    settings = {"max_tokens": length, "temperature": temperature, "top_logprobs": 0 if behaviour.asks else 20}
    content = {
        "messages": [
            {"content": fill(behaviour.system or DEFAULT_SYSTEM, filled), "role": "system"},
            {"content": fill(behaviour.prompt, filled), "role": "user"},
        ],
        "model": model,
        "schema": schema_of(words),
        "settings": settings,
    }
    body = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Request(hashlib.sha256(body.encode()).hexdigest(), body, words)


def answer_words(behaviour: Behaviour) -> tuple[str, ...]:
    """The words a reply may hold, in the order of the table's columns; () for a share or probability."""
    if behaviour.decides.kind is Kind.BOOLEAN and behaviour.answers:
        return behaviour.answers
    return labels_of(behaviour)


def schema_of(words: tuple[str, ...]) -> dict[str, Any]:
    """``{"decision": word}`` or ``{"percent": 0 … 100}``: whole, as servers do not hold to bounds of floats."""
    name, value = ("decision", {"enum": list(words), "type": "string"}) if words else ("percent", _PERCENT)
    return {"additionalProperties": False, "properties": {name: value}, "required": [name], "type": "object"}


_PERCENT: dict[str, Any] = {"maximum": 100, "minimum": 0, "type": "integer"}


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
