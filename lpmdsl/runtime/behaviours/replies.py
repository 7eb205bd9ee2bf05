"""Replies of a server, read strictly: a reply is valid or it is none. Nothing in it is ever evaluated."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from lpmdsl.runtime.behaviours.render import Part, Request

LEAST_MASS = 0.5
"""Of the probability at the token that distinguishes the answers, this much must be on answers."""
MOST_TOKENS = 10**9
"""Of one call: a server that counts more, or fewer than none, does not count."""
ROUNDED = 1e-3
"""By so much a log-probability may exceed 0."""
_REFUSAL = re.compile(r"\b(sorry|apologi[sz]e|cannot|can't|can not|unable to|as an ai)\b", re.IGNORECASE)
_VALUE = re.compile(r'"decision"\s*:\s*"')


class Invalid(Exception):
    """Reason why a reply is none, in a few words that hold nothing of the reply: ``truncated``, ``refused``."""


class _Alternative(BaseModel):
    token: str
    logprob: float = Field(strict=True)


class _Token(_Alternative):
    top_logprobs: list[_Alternative] = Field(default_factory=list)


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    finish_reason: str | None = None
    message: _Message
    logprobs: _Logprobs | None = None


class Usage(BaseModel):
    """Tokens that a call cost."""

    prompt_tokens: int = Field(default=0, strict=True)
    completion_tokens: int = Field(default=0, strict=True)


class Completion(BaseModel):
    """The part of a chat completion that is read."""

    choices: list[_Choice] = Field(min_length=1)
    usage: Usage | None = None


def read_completion(body: bytes) -> Completion:
    """Raises ``Invalid`` for what is no chat completion."""
    try:
        completion = Completion.model_validate_json(body)
    except ValidationError as error:
        raise Invalid("no chat completion") from error
    usage = completion.usage
    if usage is not None and not all(0 <= n <= MOST_TOKENS for n in (usage.prompt_tokens, usage.completion_tokens)):
        raise Invalid("impossible token counts")
    return completion


def reply_text(request: Request, completion: Completion) -> str:
    """The reply as the ledger keeps it: the message's JSON or, where probabilities are asked for, those of the words.

    Raises ``Invalid``: cut short, refused, not of the schema, without the probabilities that were asked for.
    """
    choice = completion.choices[0]
    text = (choice.message.content or "").strip()
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise Invalid("refused")
    if choice.finish_reason != "stop":
        raise Invalid("cut short" if choice.finish_reason == "length" else "no end")
    if not text.startswith("{") and _REFUSAL.search(text):
        raise Invalid("refused")
    said = _said(request, text)
    if not request.content["settings"]["top_logprobs"]:
        return canonical(said)
    tokens = choice.logprobs.content if choice.logprobs is not None else None
    return canonical(dict(zip(request.words, probabilities(request.words, tokens or []), strict=True)))


def canonical(value: dict[str, Any]) -> str:
    """JSON text of a reply's object, with its keys in order as they are."""
    return json.dumps(value, ensure_ascii=False)


def reply_values(request: Request, text: str) -> tuple[float, ...]:
    """For each thing that a reply says the number of the label, the number or the share.

    Raises ``Invalid`` where the text is not of the schema.
    """
    said = _said(request, text)
    return tuple(_value(part, said[part.name]) for part in request.parts)


def _value(part: Part, said: Any) -> float:
    return float(part.labels[part.words.index(said)]) if part.words else said / part.scale


def _said(request: Request, text: str) -> dict[str, Any]:
    """The object of a reply, in the order in which it was asked for. Raises ``Invalid``."""
    try:
        found = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise Invalid("not of the schema") from error
    names = [part.name for part in request.parts]
    if not isinstance(found, dict) or set(found) != set(names):
        raise Invalid("not of the schema")
    if not all(_is_wanted(part, found[part.name]) for part in request.parts):
        raise Invalid("not of the schema")
    return {name: found[name] for name in names}


def _is_wanted(part: Part, said: object) -> bool:
    """Return True for a word that was asked for, or a whole number within bounds; a boolean is none."""
    if part.words:
        return isinstance(said, str) and said in part.words
    return isinstance(said, int) and not isinstance(said, bool) and part.low <= said <= part.high


def kept_probabilities(request: Request, text: str) -> tuple[float, ...]:
    """The probabilities in a kept reply, in the words' order. Raises ``Invalid``."""
    try:
        found = json.loads(text, object_pairs_hook=_each_once)
        values = tuple(_number(found[word]) for word in request.words)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise Invalid("not of the schema") from error
    if len(found) != len(values) or not all(0 <= v <= 1 for v in values) or abs(math.fsum(values) - 1) > 1e-6:
        raise Invalid("not of the schema")
    return values


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no name is a duplicate. Raises ``ValueError``."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate name")
    return found


def _number(value: object) -> float:
    """Raises ``TypeError`` for what JSON does not write as a number: a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    return float(value)


def probabilities(words: tuple[str, ...], tokens: list[_Token]) -> tuple[float, ...]:
    """The probability of each word, from the first token that distinguishes the words.

    Words that begin alike are parted further on, along the answer that was given. What is on no word is shared in
    proportion. Raises ``Invalid`` where the server gives no log-probabilities or most of them are on no word.
    """
    found, mass, text = [0.0] * len(words), 1.0, ""
    start: int | None = None
    for token in tokens:
        before, text = text, text + token.token
        start = match.end() if start is None and (match := _VALUE.search(text)) else start
        if start is None or len(text) <= start:
            continue
        ahead = _shares(words, before, start, token, found, mass)
        if ahead is None:
            break
        mass *= ahead
    total = math.fsum(found)
    if total < LEAST_MASS:
        raise Invalid("no probabilities")
    return tuple(p / total for p in found)


def _shares(
    words: tuple[str, ...], before: str, start: int, token: _Token, found: list[float], mass: float
) -> float | None:
    """Adds what this token decides to ``found``; the probability of going on undecided, None where it is decided."""
    listed = {a.token: a.logprob for a in (token, *token.top_logprobs)}
    for alternative, logprob in listed.items():
        fitting = _fitting(words, (before + alternative)[start:])
        if len(fitting) == 1:
            found[fitting[0]] += mass * _chance(logprob)
    undecided = len(_fitting(words, (before + token.token)[start:])) > 1
    return _chance(token.logprob) if undecided else None


def _chance(logprob: float) -> float:
    """Raises ``Invalid`` for what is no log-probability: undefined, or of more than certainty."""
    if math.isnan(logprob) or logprob > ROUNDED:
        raise Invalid("no probabilities")
    return math.exp(min(0.0, logprob))


def _fitting(words: tuple[str, ...], begun: str) -> list[int]:
    """The words that an answer which begins so can still be."""
    ends = [word + '"' for word in words]
    return [k for k, end in enumerate(ends) if begun and (end.startswith(begun) or begun.startswith(end))]
