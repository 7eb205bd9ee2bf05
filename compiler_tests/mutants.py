"""Models with mistakes nobody thought of: ``python -m compiler_tests.mutants --count 10000 [--seed 1] [--runs 30]``.

A mutant of a model, a library or a test model must be checked, formatted and, where it is valid, compiled without a
traceback and within seconds; formatting twice is formatting once and changes no meaning; both back ends agree on it.
Of the valid ones ``--runs`` are run: those that mean something else than what they were made of, each meaning once,
until so many have run on both back ends.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

from compiler_tests.support.hostile_texts import HIDDEN, QUOTED, SEEN
from lpmdsl.compiler import check_source, compile_model
from lpmdsl.diagnostics import LpmError, Report, render_json, render_text
from lpmdsl.escaping import terminal
from lpmdsl.source import Source, Span
from lpmdsl.syntax.formatting.text import format_module
from lpmdsl.syntax.parse import parse

ROOT = Path(__file__).parent.parent
SECONDS = 5.0
"""Processor time that a mutant may take for each of: check and format, compile."""
_TOKEN = re.compile(r'"[^"\n]*"|[A-Za-z_]\w*|\d[\d_.]*|\n|[ \t]+|.')
_NUMBERS = ("0", "1", "-1", "0.5", "2", "1e308", "1e-320", "10_000", "9" * 400, "007", "1.5", "100", "3e9")
_STRANGE = (*HIDDEN.values(), *QUOTED.values(), *(f'"{text}"' for text in SEEN.values()), '"', "(", ")", "[", "]", "é")


def sources() -> list[Path]:
    """The models, the libraries and the models of the tests, in a fixed order."""
    folders = (ROOT / "models", ROOT / "stdlib", ROOT / "compiler_tests")
    return sorted(path for folder in folders for path in folder.rglob("*.lpm") if path.stat().st_size < 20_000)


# ------------------------------------------------------------------ making


def mutate(rng: random.Random, text: str, others: list[str]) -> str:
    """A text with one to three changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        text = rng.choice(_CHANGES)(rng, text, others)
    return text


def _tokens(text: str) -> tuple[list[str], list[int]]:
    """All tokens, and the places of those that are no blanks."""
    tokens = _TOKEN.findall(text)
    return tokens, [k for k, token in enumerate(tokens) if not token.isspace()] or [0]


def _swap(rng: random.Random, text: str, _: list[str]) -> str:
    tokens, places = _tokens(text)
    a, b = rng.choice(places), rng.choice(places)
    tokens[a], tokens[b] = tokens[b], tokens[a]
    return "".join(tokens)


def _swap_near(rng: random.Random, text: str, _: list[str]) -> str:
    tokens, places = _tokens(text)
    k = rng.randrange(len(places))
    a, b = places[k], places[min(k + 1, len(places) - 1)]
    tokens[a], tokens[b] = tokens[b], tokens[a]
    return "".join(tokens)


def _delete(rng: random.Random, text: str, _: list[str]) -> str:
    tokens, places = _tokens(text)
    del tokens[rng.choice(places)]
    return "".join(tokens)


def _double(rng: random.Random, text: str, _: list[str]) -> str:
    tokens, places = _tokens(text)
    k = rng.choice(places)
    tokens.insert(k, f"{tokens[k]} ")
    return "".join(tokens)


def _number(rng: random.Random, text: str, _: list[str]) -> str:
    tokens, places = _tokens(text)
    numbers = [k for k in places if tokens[k][:1].isdigit()]
    if numbers:
        tokens[rng.choice(numbers)] = rng.choice(_NUMBERS)
    return "".join(tokens)


def _rename(rng: random.Random, text: str, _: list[str]) -> str:
    """A word becomes another word of the text, or a label."""
    tokens, places = _tokens(text)
    words = [k for k in places if tokens[k][:1].isalpha()]
    if words:
        k = rng.choice(words)
        tokens[k] = rng.choice([tokens[rng.choice(words)], f'"{rng.choice(list(SEEN.values()))}"'])
    return "".join(tokens)


def _strange(rng: random.Random, text: str, _: list[str]) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(_STRANGE) + text[place:]


def _lines(rng: random.Random, text: str, _: list[str]) -> str:
    """A line goes, is doubled, moves or changes its indentation."""
    lines = text.split("\n")
    k = rng.randrange(len(lines))
    line = lines.pop(k)
    match rng.randrange(4):
        case 0:
            pass
        case 1:
            lines[k:k] = [line, line]
        case 2:
            lines.insert(rng.randrange(len(lines) + 1), line)
        case _:
            lines.insert(k, line.strip() if line.startswith(" ") else f"  {line}")
    return "\n".join(lines)


def _splice(rng: random.Random, text: str, others: list[str]) -> str:
    """A declaration of another text, put between two of this one."""
    block = rng.choice(re.split(r"\n(?=\w)", rng.choice(others)))
    mine = re.split(r"\n(?=\w)", text)
    mine.insert(rng.randrange(len(mine)) + 1, block)
    return "\n".join(mine)


_CHANGES = (_swap, _swap_near, _swap_near, _delete, _double, _number, _number, _rename, _rename, _strange, _lines,
            _splice)  # fmt: skip

# ------------------------------------------------------------------ trying


class TooSlow(Exception):
    """It took more processor time than a mistake may take."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises ``TooSlow`` after so much processor time of this process."""

    def stop(*_: object) -> None:
        raise TooSlow(f"more than {seconds:g} seconds")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@dataclass(slots=True)
class Tally:
    """``outcomes``: how many are valid, refused by the checker or by the compiler; ``faults``: (text, trace)."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)
    valid: list[Source] = field(default_factory=list)


def meaning(node: object) -> object:
    """A model without the places in its text."""
    if is_dataclass(node) and not isinstance(node, Span):
        return (type(node).__name__, *(meaning(getattr(node, f.name)) for f in fields(node)))
    match node:
        case Span():
            return None
        case tuple() | list():
            return tuple(meaning(part) for part in node)
        case dict():
            return tuple((key, meaning(value)) for key, value in node.items())
        case _:
            return repr(node)


def try_one(source: Source, tally: Tally, compiles: bool = True) -> None:
    """Checks, formats and compiles one text; what must not happen is an exception other than ``LpmError``."""
    try:
        with within(SECONDS):
            report = Report()
            found = check_source(source, report)
            assert found is not None or report.has_errors, "refused without a word"
            _shown(report)
            _formatted(source, found)
        if found is None:
            tally.outcomes["refused"] += 1
            return
        with within(SECONDS):
            made = compile_model(*found) if compiles and found[0].agents else None
            for target in ("cpu", "triton") if made is not None else ():
                ast.parse(made.emit(target))  # type: ignore[union-attr, arg-type]
        tally.outcomes["valid"] += 1
        tally.valid.append(source)
    except LpmError as error:
        _shown(error.report)
        tally.outcomes["refused in compiling"] += 1
    except Exception:
        tally.faults.append((source.text, traceback.format_exc()))


def _shown(report: Report) -> None:
    for diagnostic in report.diagnostics:
        assert diagnostic.code != "E0899"
        shown = render_text(diagnostic)
        assert terminal(shown) == shown
        assert "\n" not in render_json(diagnostic)


def _formatted(source: Source, found: object) -> None:
    """Formatting is a fixed point, and a valid model keeps its meaning."""
    report = Report()
    module = parse(source, report)
    if report.has_errors:
        return
    once = Source(source.name, format_module(module), source.path)
    again = Report()
    module = parse(once, again)
    assert not again.has_errors, f"formatted, it does not read: {[d.message for d in again.diagnostics]}"
    assert format_module(module) == once.text, "formatting twice is another text"
    if found is not None:
        after = check_source(once, Report())
        assert after is not None, "formatted, it is refused"
        assert meaning(after[0]) == meaning(found[0]), "formatted, it means something else"  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Compared:
    """``ran``: whether both back ends came to an end; ``told``: how they differ, nothing where they do not."""

    ran: bool
    told: str


def agree(source: Source) -> Compared:
    """Runs a few steps of a few people on both back ends."""
    from lpmdsl.runtime.api import load_source

    told: list[str] = []
    for backend in ("reference", "cpu"):
        try:
            one = load_source(source, Report())
            counts = {a.name: 60 for a in one.model.agents if a.file is None}
            told.append(one.run(steps=5, agents=counts, backend=backend, threads=1).observations.to_csv(index=False))  # type: ignore[arg-type]
        except LpmError as error:
            told.append("refused: " + ", ".join(sorted({d.code for d in error.report.diagnostics})))
        except Exception:
            told.append(traceback.format_exc())
    ran = not any(one.startswith("refused: ") for one in told)
    if any("Traceback" in one for one in told):
        return Compared(ran=False, told="\n".join(told))
    return Compared(ran, "" if told[0] == told[1] else f"{told[0][:600]}\n------\n{told[1][:600]}")


def run_some(valid: list[Source], runs: int, seed: int) -> tuple[int, int]:
    """Compares until so many ran, in an order drawn from the seed; gives how many ran and how many differ."""
    seen = {_meant(Source(path.name, path.read_text(encoding="utf-8"), path)) for path in sources()}
    ran = differing = 0
    for source in random.Random(seed).sample(valid, len(valid)):
        if ran >= runs:
            break
        if (meant := _meant(source)) in seen:
            continue
        seen.add(meant)
        compared = agree(source)
        ran += compared.ran
        if compared.told:
            differing += 1
            print(f"=== the back ends differ\n{source.text!r}\n{compared.told}", flush=True)
    return ran, differing


def _meant(source: Source) -> object:
    """What a text means, by which mutants are distinguished; the same for all that are refused or have no agents."""
    found = check_source(source, Report())
    return repr(meaning(found[0])) if found is not None and found[0].agents else None


def mutants(count: int, seed: int) -> Iterator[Source]:
    """So many mutants, the same for the same seed."""
    rng = random.Random(seed)
    paths = sources()
    texts = [path.read_text(encoding="utf-8") for path in paths]
    broken = [path.parent.name == "broken" for path in paths]
    for k in range(count):
        place = rng.choices(range(len(paths)), [1 if is_broken else 8 for is_broken in broken])[0]
        yield Source(f"mutant{k}.lpm", mutate(rng, texts[place], texts), paths[place].with_name(f"mutant{k}.lpm"))


def main() -> int:
    """The command; 1 if something broke or fewer than ``--runs`` ran."""
    parser = argparse.ArgumentParser()
    for name, default in (("count", 10_000), ("seed", 1), ("runs", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    tally, began = Tally(), time.time()
    for k, source in enumerate(mutants(given.count, given.seed), 1):
        before = len(tally.faults)
        try_one(source, tally)
        for text, trace in tally.faults[before:]:
            print(f"=== mutant {k - 1}\n{text!r}\n{trace}", flush=True)
        if k % 250 == 0:
            print(f"{k}: {dict(tally.outcomes)}, {len(tally.faults)} faults, {time.time() - began:.0f} s", flush=True)
    ran, differing = run_some(tally.valid, given.runs, given.seed)
    print(f"{given.count} mutants: {dict(tally.outcomes)}, {len(tally.faults)} faults")
    print(f"{ran} of them run on both back ends, {differing} differ")
    return 1 if tally.faults or differing or ran < given.runs else 0


if __name__ == "__main__":
    sys.exit(main())
