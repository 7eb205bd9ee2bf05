"""Answers of rules to the prompts of ``conformity``, ``s3_emotion``, ``anchor_clusters`` and ``commuting``.

Stand-ins, no language model.

``python -m benchmarks.minds_stand_in`` asks them about every archetype that there can be and writes the ledgers beside
the models. A reply is drawn from SHA-256 of its prompt and the request's seed. The rules:

- ``conformity``: wrong with the product of what the nature and what the number heard say (``NATURE``, ``HEARD``);
- ``s3_emotion``: a step of a Markov chain of emotions, by how many posts were seen (``FEELS``); blame evenly within 10
  of ``BLAME``, and a post with ``POSTS``, both by the emotion alone;
- ``anchor_clusters``: by the temper alone, at how much of what one hears is bad news (``APART``);
- ``commuting``: by the shares of ``GOES``, which differ from the survey's by 5, 5 and 10 per cent in total variation.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.nyc_stand_in import record

MODELS = Path(__file__).parent.parent / "models"
NOTE = (
    "Answers recorded from a rule (benchmarks/minds_stand_in.py), not from a language model; "
    "record your own with lpmc run --llm record."
)
NATURE = {"independent": 0.15, "wavering": 0.6, "yielding": 0.9}
HEARD = {"nobody": 0.0, "one or two": 0.2, "three": 0.6, "four or five": 0.85, "most": 1.0}
EMOTIONS = ("calm", "moderate", "intense")
FEELS = {
    ("no", "calm"): (1.0, 0.0, 0.0), ("no", "moderate"): (0.5, 0.45, 0.05), ("no", "intense"): (0.1, 0.5, 0.4),
    ("some", "calm"): (0.8, 0.15, 0.05), ("some", "moderate"): (0.3, 0.5, 0.2), ("some", "intense"): (0.1, 0.3, 0.6),
    ("many", "calm"): (0.5, 0.35, 0.15), ("many", "moderate"): (0.15, 0.45, 0.4),
    ("many", "intense"): (0.05, 0.2, 0.75),
}  # fmt: skip
BLAME = {"calm": 50, "moderate": 60, "intense": 80}
POSTS = {"calm": 0.0, "moderate": 0.2, "intense": 0.7}
APART = {"bold": (0.02, 0.2), "even": (0.1, 0.6), "anxious": (0.4, 0.95)}
"""Temper → the chance of keeping away where nobody is ill, and where all are; between them by parts of the bad news."""
NEWS = ({"hardly any": 0, "a few": 1, "many": 2, "very many": 3}, {"no": 0, "one": 1, "several": 2})
MODES = ("bus", "car", "bike")
GOES = {"young": (0.35, 0.3, 0.35), "middle": (0.25, 0.6, 0.15), "older": (0.2, 0.7, 0.1)}
Said = dict[str, str | int]


def evenly(prompt: str, seed: int, part: int = 0) -> float:
    """A number from 0 to 1 for one part of a reply."""
    word = hashlib.sha256(f"{prompt}/{seed}/{part}".encode()).digest()[:8]
    return int.from_bytes(word, "big") / 2.0**64


def answers_wrong(prompt: str, seed: int) -> Said:
    """The reply about a line."""
    nature = next(word for word in NATURE if f"You are {word};" in prompt)
    heard = next(word for word in HEARD if f"; {word} of eight" in prompt)
    return {"decision": "wrong" if evenly(prompt, seed) < NATURE[nature] * HEARD[heard] else "right"}


def feels_or_judges(prompt: str, seed: int) -> Said:
    """The reply of either behaviour of ``s3_emotion``."""
    if "What are you now" in prompt:
        before = next(word for word in EMOTIONS if f"you were {word}." in prompt)
        posts = next(word for word in ("no", "some", "many") if f"you see {word} posts" in prompt)
        return {"decision": _one_of(EMOTIONS, FEELS[posts, before], evenly(prompt, seed))}
    emotion = next(word for word in EMOTIONS if f"You are {word}." in prompt)
    blame = BLAME[emotion] + round(20 * evenly(prompt, seed) - 10)
    return {"attitude": blame, "posts": "yes" if evenly(prompt, seed, 1) < POSTS[emotion] else "no"}


def keeps_apart(prompt: str, seed: int) -> Said:
    """The reply about town, by one's temper and the news."""
    return {"decision": "yes" if evenly(prompt, seed) < apart_by(prompt) else "no"}


def apart_by(prompt: str) -> float:
    """The chance of keeping away from town that the rule gives a prompt."""
    least, most = next(chances for word, chances in APART.items() if f", {word}, and" in prompt)
    cases = next((n for word, n in NEWS[0].items() if f"There are {word} cases" in prompt), 0)
    friends = next(n for word, n in NEWS[1].items() if f"; {word} friends are ill" in prompt)
    home = 1 if "ill at home: yes" in prompt else 0
    return least + (most - least) * (cases + friends + home) / 6


def goes(prompt: str, seed: int) -> Said:
    """The reply about the way to work."""
    age = next(word for word in GOES if f"You are {word} " in prompt)
    return {"decision": _one_of(MODES, GOES[age], evenly(prompt, seed))}


def _one_of(words: tuple[str, ...], chances: tuple[float, ...], u: float) -> str:
    total = 0.0
    for word, chance in zip(words, chances, strict=True):
        total += chance
        if u < total:
            return word
    return words[-1]


RULES: dict[str, Callable[[str, int], Said]] = {
    "conformity": answers_wrong, "s3_emotion": feels_or_judges, "anchor_clusters": keeps_apart, "commuting": goes,
}  # fmt: skip


def main() -> None:
    for name, rule in RULES.items():
        path = MODELS / f"{name}.ledger.jsonl"
        with tempfile.TemporaryDirectory() as folder:
            calls = record(path, Path(folder), MODELS / f"{name}.lpm", rule, NOTE)
        print(f"{calls:,} calls; {path.name} has {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
