"""Milliseconds from a keystroke to an answer of ``lpmc lsp``, over its standard streams, for a model of 500 lines.

``python -m benchmarks.language_server`` prints a table and writes ``benchmarks/results/language_server.json``. Every
round changes one line of the text and asks for a completion there; the diagnostics come by themselves.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from lpmdsl.editor.known.workspace import Workspace
from lpmdsl.editor.questions.completion import completion
from lpmdsl.editor.server.app import PAUSE

OUT = Path(__file__).parent / "results" / "language_server.json"
ROUNDS = 30
STILL = 0.5
"""Seconds between a round and the next, in which the server works out what takes longer."""
ILLNESSES = 17

HEAD = """\
## A town with many illnesses.
model many version 1.0

clock
  step 1 day
  from 2024-10-01 for 180 days

table household_sizes of share
  1 30 %
  2 34 %
  3 36 %

agent Person count 50_000
  age duration ~ uniform(0 years, 90 years)
  age_group category = band of age at 18 years, 65 years named child, adult, elder
  household place of size ~ household_sizes
  workplace place of size ~ poisson(20) where age_group is adult

network homes joins Person sharing household with 8 contacts per day
network offices joins Person sharing workplace with 6 contacts per day on weekdays
network community joins Person at random with 4 contacts per day
"""
ILLNESS = """
## Chance that one contact infects.
parameter spread_{i} = 0.02 per contact
  prior lognormal(median 0.02 per contact, spread 1.5)
  between 0.001 per contact and 0.2 per contact
parameter severity_{i} = 5 %
  source "an assumption"

table hospital_risk_{i} by age_group of probability
  child 0.5 %
  adult 1 %
  elder 6 %

condition Flu_{i} of Person
  states S, E, I, H, R
  start S except 20 Person in E
  from S by contagion to E
  from E after gamma(mean 2 days, sd 1 day) to I
  from I after lognormal(mean 5 days, sd 2 days)
    to H with probability min(hospital_risk_{i}[age_group] + severity_{i}, 1)
    to R otherwise
  from H after gamma(mean 8 days, sd 4 days) to R

contagion of Flu_{i}
  from I on homes, offices, community at spread_{i}

observe cases_{i} = number entering I of Flu_{i} per week by age_group
observe in_hospital_{i} = count of Person where Flu_{i} is H
"""
STUDY = """
scenario milder_{i}
  change spread_{i} to 0.01 per contact
"""
TAIL = """
compare {scenarios} with baseline
  repeat 20 times
  report {totals}
"""


def text_of(illnesses: int, scenarios: int = 3) -> str:
    """A model of about 30 lines an illness."""
    numbers = range(1, illnesses + 1)
    parts = [HEAD, *(ILLNESS.format(i=i) for i in numbers), *(STUDY.format(i=i) for i in range(1, scenarios + 1))]
    names = ", ".join(f"milder_{i}" for i in range(1, scenarios + 1))
    return "".join([*parts, TAIL.format(scenarios=names, totals=", ".join(f"total of cases_{i}" for i in numbers))])


class Client:
    """Messages to a server and from it, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lpmdsl.cli", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self._id = 0

    def send(self, method: str, params: Any, *, is_request: bool = False) -> int:
        """Send a message; gives its number."""
        self._id += is_request
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": self._id} if is_request else {})
        data = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()
        return self._id

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is wanted; others are left out."""
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = int(stream.readline().split(b":")[1])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(length))
            if wanted(message):
                return message

    def request(self, method: str, params: Any) -> Any:
        """The answer to a request."""
        number = self.send(method, params, is_request=True)
        return self.wait(lambda message: message.get("id") == number)["result"]

    def diagnostics(self) -> list[dict[str, Any]]:
        """The next diagnostics."""
        return self.wait(lambda m: m.get("method") == "textDocument/publishDiagnostics")["params"]["diagnostics"]


def edited(text: str, i: int) -> tuple[int, str]:
    """The text with another line in its middle, and where that begins; every second one is not finished."""
    line = "  from E after gamma(mean 2 days, sd 1 day) to I\n"
    at = text.index(line, len(text) // 2)
    new = f"  from E after gamma(mean {2 + i} days, sd 1 day) to {'' if i % 2 else 'I'}\n"
    return at, text[:at] + new + text[at + len(line) :]


def processor_time(text: str) -> dict[str, list[float]]:
    """Milliseconds of processor time of the same answers, asked in this process: what a machine with other work to do
    does not change."""
    workspace, path = Workspace(), Path.cwd() / "many.lpm"
    found: dict[str, list[float]] = {
        "completion": [],
        "diagnostics after it": [],
        "values of scenarios after these": [],
    }
    for i in range(ROUNDS + 3):  # the first ones fill what is kept
        at, changed = edited(text, i)
        times = [time.process_time()]
        workspace.open(path, changed)
        analysis = workspace.analysis(path)
        assert analysis is not None
        completion(analysis, at + len(f"  from E after gamma(mean {2 + i} days, sd 1 day) to "))
        times.append(time.process_time())
        assert (len(analysis.checked[1]) > 0) is (i % 2 == 1)
        times.append(time.process_time())
        assert len(analysis.diagnostics) >= 0
        times.append(time.process_time())
        for what, (start, end) in zip(found, pairwise(times), strict=True):
            if i >= 3 and (i % 2 == 0 or what == "completion"):
                found[what].append(1000 * (end - start))
    return found


def rounds(client: Client, uri: str, text: str) -> dict[str, list[float]]:
    """Milliseconds of every round from the change: to the completion, and to the diagnostics, the pause before them
    included."""
    found: dict[str, list[float]] = {"completion": [], "diagnostics": [], "diagnostics of a broken line": []}
    for i in range(ROUNDS):
        time.sleep(STILL)
        is_broken = i % 2 == 1
        at, changed = edited(text, i)
        place = {
            "line": text.count("\n", 0, at),
            "character": len(f"  from E after gamma(mean {2 + i} days, sd 1 day) to "),
        }
        start = time.perf_counter()
        document = {"uri": uri, "version": i + 2}
        client.send("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": changed}]})
        answer = client.request("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})
        found["completion"].append(1000 * (time.perf_counter() - start))
        assert {"S", "E", "I", "H", "R"} <= {item["label"] for item in answer["items"]}
        told = client.diagnostics()
        assert bool(told) is is_broken, told
        taken = 1000 * (time.perf_counter() - start)
        found["diagnostics of a broken line" if is_broken else "diagnostics"].append(taken)
    return found


def measured(text: str) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of the rounds, and seconds from the start of the server to the first diagnostics."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        client = Client(folder)
        client.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": {}})
        client.send("initialized", {})
        uri = (folder / "many.lpm").as_uri()
        document = {"uri": uri, "languageId": "lpm", "version": 1, "text": text}
        client.send("textDocument/didOpen", {"textDocument": document})
        assert [d for d in client.diagnostics() if d["severity"] == 1] == []
        first = time.perf_counter() - start
        found = rounds(client, uri, text)
        client.request("shutdown", None)
        client.send("exit", None)
        client.process.wait()
    return found, first


def _rows(found: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {
        what: {"median_ms": round(statistics.median(t), 1), "longest_ms": round(max(t), 1), "times": len(t)}
        for what, t in found.items()
    }


def main() -> None:
    """Measure, print and write."""
    text = text_of(ILLNESSES)
    found, first = measured(text)
    record = {
        "lines": text.count("\n"), "python": platform.python_version(), "machine": platform.machine(),
        "date": date.today().isoformat(),
        "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "pause_ms": round(1000 * PAUSE),
        "first_diagnostics_s": round(first, 2),
        "wall": _rows(found), "processor": _rows(processor_time(text)),
    }  # fmt: skip
    OUT.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
