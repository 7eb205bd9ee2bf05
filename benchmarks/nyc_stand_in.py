"""Answers the prompts of ``models/nyc_isolation.lpm`` by a rule: a stand-in for a language model, not one.

``python -m benchmarks.nyc_stand_in`` serves the rule as an OpenAI-compatible server on this computer, asks it about
every archetype that there can be, through the client of ``lpmc run --llm record``, and writes
``models/nyc_isolation.ledger.jsonl``.

The rule. Isolating: a chance of 1 / (1 + exp(−x)), x = −2.6 + 0.4 age + 0.35 cases + 0.3 trend − 0.5 [below 600 USD
per week]; age is 0 to 5 from the youngest group to the oldest; cases 0 to 3 from the lowest band to the highest, 1 if
not yet known; trend −1 falling, 1 rising, else 0. Working, in per cent: 95 − 6 [65 and over] − 4 [under 20] + 3
unemployment (0 to 2 from the lowest band, 1 if not known), give or take 5 evenly. A reply is drawn from SHA-256 of its
prompt and the request's seed.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lpmdsl
from lpmdsl.backends.request import Archetype
from lpmdsl.config import LlmOptions
from lpmdsl.runtime.behaviours.jsonl import export_lines
from lpmdsl.runtime.behaviours.opening import open_answers
from lpmdsl.semantics.analysis.archetypes import labels_of_code, most_archetypes
from lpmdsl.semantics.host.evaluate import parameter_values

MODEL = Path(__file__).parent.parent / "models" / "nyc_isolation.lpm"
NAME = "stand-in-rule"
NOTE = (
    "Answers recorded from a rule (benchmarks/nyc_stand_in.py), not from a language model; "
    "record your own with lpmc run --llm record."
)
AGES = ("0-19", "20-29", "30-39", "40-49", "50-64", "65+")
CASES = (("cases this week: below 100,", 0.0), ("100 to 1000,", 1.0), ("1000 to 5000,", 2.0), ("5000 or more,", 3.0))
TREND = (("below 80 % of the past", -1.0), ("120 % or more of the past", 1.0))
UNEMPLOYMENT = (("below 5 %", 0.0), ("10 % or more", 2.0))


def chance_of_isolating(prompt: str) -> float:
    """The chance by the rule, from the words of the prompt."""
    x = -2.6 + 0.4 * _age(prompt) + 0.35 * _level(prompt, CASES, 1.0) + 0.3 * _level(prompt, TREND, 0.0)
    return 1 / (1 + math.exp(0.5 * ("below 600 USD" in prompt) - x))


def willingness(prompt: str, u: float) -> int:
    """Per cent, at a number ``u`` evenly between 0 and 1."""
    age = _age(prompt)
    middle = 95 - 6 * (age == 5) - 4 * (age == 0) + 3 * _level(prompt, UNEMPLOYMENT, 1.0)
    return round(min(100.0, max(0.0, middle + 10 * u - 5)))


def reply(prompt: str, seed: int) -> dict[str, str | int]:
    """What the stand-in says to a prompt of either behaviour."""
    word = hashlib.sha256(f"{prompt}/{seed}".encode()).digest()[:8]
    u = int.from_bytes(word, "big") / 2.0**64
    if "willing are you to work" in prompt:
        return {"percent": willingness(prompt, u)}
    return {"decision": "yes" if u < chance_of_isolating(prompt) else "no"}


def _age(prompt: str) -> int:
    return next(k for k, label in enumerate(AGES) if prompt.startswith(f"You are {label}"))


def _level(prompt: str, levels: tuple[tuple[str, float], ...], otherwise: float) -> float:
    return next((value for words, value in levels if words in prompt), otherwise)


class _Handler(BaseHTTPRequestHandler):
    """One chat completion a request; a connection stays open."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    rule = staticmethod(reply)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = json.dumps(self.rule(asked["messages"][-1]["content"], asked["seed"]))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        completion = {"id": "rule", "object": "chat.completion", "created": 0, "model": NAME, "choices": [choice]}
        body = json.dumps(completion).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def stand_in(rule: Callable[[str, int], dict[str, str | int]] = reply) -> Iterator[str]:
    """The rule as a server on a free port of this computer: its address, ending in /v1."""
    handler = type("_Ruled", (_Handler,), {"rule": staticmethod(rule)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def record(
    path: Path, folder: Path, of: Path = MODEL, rule: Callable[[str, int], dict[str, str | int]] = reply,
    note: str = NOTE,
) -> int:  # fmt: skip
    """Asks about every archetype of every behaviour and writes the ledger's lines; how many calls that took.

    The promise about the calls of a run is put aside: this asks for all archetypes, also those that no run meets.
    """
    loaded = lpmdsl.load(of)
    model = replace(loaded.model, checks=())
    with stand_in(rule) as url:
        options = LlmOptions(mode="record", url=url, model=NAME, ledger=folder / "asked.sqlite")
        answers = open_answers(model, loaded.source, options, ["baseline"], parameter_values(model))
        assert answers is not None
        for behaviour in (b for b in model.behaviours if b.rule is None):
            codes = range(most_archetypes(behaviour))
            answers.values(behaviour, [Archetype(c, labels_of_code(behaviour, c)) for c in codes])
        calls = answers.record().calls
        path.write_text("\n".join(export_lines(answers.ledger, note)) + "\n", encoding="utf-8")
        answers.close()
    return calls


def main() -> None:
    import tempfile

    path = MODEL.with_suffix(".ledger.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        calls = record(path, Path(folder))
    print(f"{calls:,} calls; {path.name} has {path.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
