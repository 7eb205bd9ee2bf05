"""Answers the prompts of ``models/guess_average.lpm`` by a rule: a stand-in for a language model, not one.

``python -m benchmarks.guess_stand_in`` asks the rule about every archetype that there can be and writes
``models/guess_average.ledger.jsonl``. The rule: two thirds of the middle of the band in which the last mean was (of 2 %
below that, of 50 % if it is not known or above all bands), give or take 3 evenly, 6 from who went to school alone, and
less in proportion where that middle is below 20 %. A reply is drawn from SHA-256 of its prompt and the request's seed.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

from benchmarks.nyc_stand_in import record

MODEL = Path(__file__).parent.parent / "models" / "guess_average.lpm"
NOTE = (
    "Answers recorded from a rule (benchmarks/guess_stand_in.py), not from a language model; "
    "record your own with lpmc run --llm record."
)


def guess(prompt: str, seed: int) -> dict[str, str | int]:
    """The per cent that the stand-in names."""
    u = int.from_bytes(hashlib.sha256(f"{prompt}/{seed}".encode()).digest()[:8], "big") / 2.0**64
    ends = [int(n) for n in re.findall(r"\d+", prompt.split("The last mean was")[1])]
    last = 50.0 if not ends or "or more" in prompt else sum(ends) / len(ends)
    width = 12 if "went to school" in prompt else 6
    return {"percent": round(min(100.0, max(0.0, 2 * last / 3 + width * (u - 0.5) * min(1.0, last / 20))))}


def main() -> None:
    path = MODEL.with_suffix(".ledger.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        calls = record(path, Path(folder), MODEL, guess, NOTE)
    print(f"{calls:,} calls; {path.name} has {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
