"""Models of odd sizes: each is compiled or refused within seconds, in words."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lpmdsl.compiler import check_source, compile_model
from lpmdsl.diagnostics import Report
from lpmdsl.source import Source

SECONDS = 60.0
"""Generous: a busy machine; what was wrong took minutes or never ended."""
SI = "  states S, I\n  start S\n  from S at rate 0.1 per day to I\n"
SEEN = "observe o = count of Person where C is I\n"


def text(more: str, course: str = SI, clock: str = "for 30 days") -> str:
    head = f"model b version 1.0\nclock\n  step 1 day\n  {clock}\nagent Person count 100\n"
    return f"{head}condition C of Person\n{course}{more}"


def observations(n: int) -> str:
    return text("observe o0 = count of Person where C is I\n" + "".join(
        f"observe o{k} = o{k - 1} + {k} * o{max(k - 2, 0)}\n" for k in range(1, n)))  # fmt: skip


def parameters(n: int, start: str = "1") -> str:
    chain = "".join(f"parameter p{k} = p{k - 1} * p{k - 1}\n" for k in range(1, n))
    return text(f"parameter p0 = {start}\n{chain}observe o = count of Person where C is I and p{n - 1} > 2\n")


def states(n: int) -> str:
    names = ", ".join(f"S{k}" for k in range(n))
    exits = "".join(f"  from S{k} after fixed(1 day) to S{k + 1}\n" for k in range(n - 1))
    return text("observe o = count of Person where C is S1\n", f"  states {names}\n  start S0\n{exits}")


def conditions(n: int) -> str:
    return text(SEEN + "".join(f"condition D{k} of Person\n{SI.replace('S', 'A')}" for k in range(n)))


def where(test: str) -> str:
    return text(f"observe o = count of Person where {test}\n")


def valued(value: str) -> str:
    return text(f"parameter p = {value}\nobserve o = count of Person where C is I and p > 0\n")


_ON_DAYS = text(f"{SEEN}network w joins Person at random with 2 contacts per day on weekdays\ncontagion of C\n"
                "  from I on w at 0.1 per contact\n", SI.replace("at rate 0.1 per day", "by contagion"),
                "from 2024-01-01 for 5 days")  # fmt: skip
WITHIN = {
    "a chain of 100 observations": observations(100),
    "a chain of 60 parameters": parameters(60),
    "200 states": states(200),
    "100 conditions": conditions(100),
    "150 operations": where("C is I" + " and C is I" * 140),
}
BEYOND = {
    "a chain of 300 observations": (observations(300), "E0107"),
    "a chain of 100 parameters": (parameters(100), "E0107"),
    "parameters that double": (parameters(30, "1.5"), "E0742"),
    "2000 states": (states(2000), "E0882"),
    "256 states": (states(256), "E0882"),
    "nested brackets": (where("(" * 5000 + "C is I" + ")" * 5000), "E0107"),
    "many operations": (where("C is I" + " and C is I" * 3000), "E0107"),
    "many signs": (valued("-" * 3000 + "1"), "E0107"),
    "a tower of powers": (valued("10 ^ (10 ^ 10)"), "E0742"),
    "a tower without brackets": (valued("10 ^ 10 ^ 10"), "E0742"),
    "too large a product": (valued("1e200 * 1e200"), "E0742"),
    "nothing over nothing": (valued("0 / 0"), "E0742"),
    "the logarithm of less than nothing": (valued("log(-1)"), "E0742"),
    "a number of 400 digits": (valued("9" * 400), "E0116"),
    "a run of 1e300 days": (text(SEEN, clock="for 1e300 days"), "E0705"),
    "a run past the calendar": (text(SEEN, clock="from 9999-12-30 for 100 days"), "E0316"),
    "a step of 1e-320 days": (_ON_DAYS.replace("step 1 day", "step 1e-320 days"), "E0316"),
    "a step of a nanosecond": (_ON_DAYS.replace("step 1 day", "step 1e-14 days"), "E0316"),
    "a report in 1e300 days": (text("observe o = number entering I per 1e300 days\n"), "E0705"),
    "a delay of 1e305 days": (text(f"{SEEN}parameter p = 1e305 days\nobserve q = number entering I per day delayed by "
                                   "exponential(mean p)\n"), "E0316"),
}  # fmt: skip


def reported(words: str) -> tuple[list[str], object]:
    report = Report()
    found = check_source(Source("b.lpm", words), report)
    return [d.code for d in report.sorted() if d.severity == "error"], found


@pytest.mark.parametrize("name", WITHIN)
def test_a_large_model_compiles_within_seconds(name: str) -> None:
    start = time.perf_counter()
    codes, found = reported(WITHIN[name])
    assert codes == [] and found is not None
    compile_model(*found).emit("cpu")  # type: ignore[misc]
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_too_large_is_told_within_seconds(name: str) -> None:
    start = time.perf_counter()
    words, code = BEYOND[name]
    codes, found = reported(words)
    assert code in codes and len(codes) <= 2 and found is None
    assert time.perf_counter() - start < SECONDS


def test_the_trial_is_refused() -> None:
    words = (Path(__file__).parent.parent / "trials" / "date9999.lpm").read_text(encoding="utf-8")
    assert reported(words)[0] == ["E0316"]
    assert reported(words.replace("for 100 days", "for 1 days"))[0] == []
