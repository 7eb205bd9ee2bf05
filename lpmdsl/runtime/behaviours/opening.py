"""Set-up of who answers in a run: the mode, the ledger, the server; mistakes are reported before anybody is asked."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from lpmdsl.backends.request import nobody_to_ask
from lpmdsl.config import LlmOptions
from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.extras import require
from lpmdsl.reading.door import is_there, place_of
from lpmdsl.runtime.behaviours.answers import Answers
from lpmdsl.runtime.behaviours.budget import Budget
from lpmdsl.runtime.behaviours.jsonl import MOST_LINE, import_lines
from lpmdsl.runtime.behaviours.ledger import Ledger, open_ledger
from lpmdsl.runtime.behaviours.prices import price_of, read_prices
from lpmdsl.semantics.analysis.archetypes import asking
from lpmdsl.semantics.model import Model
from lpmdsl.source import Source, Span
from lpmdsl.writing.plain import append, require_plain, writing

DEFAULT_LEDGER = Path("ledger.sqlite")
BESIDE = ".ledger.jsonl"


def open_answers(
    model: Model, source: Source, options: LlmOptions | None, scenarios: Sequence[str], parameters: Mapping[str, float]
) -> Answers | None:
    """Source of answers; None where nobody asks. Raises ``LpmError`` E0850 to E0858.

    ``options`` None: the answers recorded beside the model, if there are any. ``parameters``: base units.
    """
    asks = next((found for name in scenarios for found in asking(model, name)), None)
    if asks is None:
        return None
    options = options or beside(source)
    if options is None:
        raise nobody_to_ask(asks)
    if options.mode != "replay":
        _can_be_asked(options)
    ledger = _ledger(options, source)
    try:
        llm = options.model or _only_model(ledger)
        budget = _budget(model, options, llm, parameters)
        answers = Answers(model, options, llm, ledger, budget)
        if options.mode != "replay":
            # Takes a second to load, and needs an extra that a replay has no use for.
            from lpmdsl.runtime.behaviours.client import Client

            answers.client = Client(options, _key(), budget, _log(options.log))
    except LpmError:
        ledger.close()
        raise
    return answers


def beside(source: Source) -> LlmOptions | None:
    """A replay of ``MODEL.ledger.jsonl`` beside ``MODEL.lpm``, if it is there."""
    if source.path is None:
        return None
    path = source.path.with_suffix(BESIDE)
    return LlmOptions(mode="replay", ledger=path) if is_there(path.name, place_of(source)) else None


def _ledger(options: LlmOptions, source: Source) -> Ledger:
    """The ledger of a run; in a replay lines of text are read into memory."""
    if options.mode == "live":
        return open_ledger(None)
    found = beside(source) if options.mode == "replay" else None
    path = options.ledger or (found.ledger if found is not None else None) or DEFAULT_LEDGER
    if options.mode == "replay":
        return open_existing(path)
    if path.suffix == ".jsonl":
        help = f"Import it: `lpmc ledger import {path} --ledger {DEFAULT_LEDGER}`, and record into that."
        raise fail("E0857", "Answers are recorded into SQLite, not into lines of text.", _typed("--ledger", path), help)
    return open_ledger(path)


def open_existing(path: Path, read_only: bool = False) -> Ledger:
    """A ledger that is there: SQLite, or lines of text read into memory. Raises ``LpmError`` E0857."""
    if path.suffix != ".jsonl":
        return open_ledger(path, must_exist=True, read_only=read_only)
    ledger = open_ledger(None)
    import_lines(ledger, path)
    return ledger


def _only_model(ledger: Ledger) -> str:
    """The language model of a replay that names none."""
    models = ledger.models()
    if len(models) == 1:
        return models[0]
    if not models:
        raise fail("E0857", "The ledger cannot be used: it is empty.", _typed("--ledger", ledger.path or "the ledger"))
    raise fail(
        "E0856",
        f"The ledger holds answers of several language models: {', '.join(models)}.",
        _typed("--ledger", ledger.path or "the ledger"),
        f"Choose one: --llm-model {models[0]}.",
    )


def require_client(mode: str) -> None:
    """Raises ``LpmError`` (E0860) where the package is missing that asks language models; a replay does without."""
    if mode != "replay":
        require("openai", place=_typed("--llm", mode), otherwise="a replay does without")


def _can_be_asked(options: LlmOptions) -> None:
    """Raises ``LpmError`` where the server must not, or cannot, be asked."""
    require_client(options.mode)
    if not options.model:
        raise fail(
            "E0856",
            "No language model is named.",
            _typed("--llm", options.mode),
            "Say which one the server has: --llm-model NAME.",
        )
    _allowed(options)


def _allowed(options: LlmOptions) -> None:
    """Prompts leave this computer only if the user says so, and a key never in clear text."""
    place = _typed("--llm-url", options.url)
    try:
        url = urlsplit(options.url)
        host, _ = url.hostname, url.port
    except ValueError:
        url, host = urlsplit(""), None
    if url.username is not None or url.password is not None:
        unsaid = Span(Source("--llm-url", ""), 0, 0)
        raise fail("E0856", "The address holds a name or a key.", unsaid, "Set LPM_LLM_KEY in the environment instead.")
    if url.scheme not in ("http", "https") or not host:
        raise fail("E0856", "This is no address of a server.", place, "Write --llm-url http://127.0.0.1:8080/v1.")
    if is_loopback(host):
        return
    if not options.allow_remote:
        raise fail(
            "E0851",
            f"The prompts of this model would be sent to {host}.",
            place,
            "Add --allow-remote if they may leave this computer; people of the model are in them, as labels.",
        )
    if url.scheme != "https":
        raise fail("E0851", f"{host} would be sent the key in clear text.", place, "Use https.")


def is_loopback(host: str) -> bool:
    """Return True if a host is this computer itself, by its name or address alone: no name server is asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _budget(model: Model, options: LlmOptions, llm: str, parameters: Mapping[str, float]) -> Budget:
    if options.prices is None:
        if options.max_cost is not None:
            raise fail(
                "E0858",
                "A limit of costs needs prices.",
                _typed("--max-cost", f"{options.max_cost:g}"),
                "Give them: --prices FILE.",
            )
        return Budget(options, model, parameters)
    prices = read_prices(options.prices)
    return Budget(options, model, parameters, price_of(prices, llm, options.prices), prices.currency)


def _key() -> str:
    return os.environ.get("LPM_LLM_KEY") or os.environ.get("OPENAI_API_KEY") or ""


def _log(path: Path | None) -> Callable[[dict], None] | None:
    """Appends requests and replies to a file, a line each; None where nobody asked for it.

    Raises ``LpmError``: E0865 for a file that is no such log, E0866, E0808.
    """
    if path is None:
        return None
    if require_plain(path) and not _is_log(path):
        raise fail("E0865", "This file is no log of ours, and is left as it is.", _typed("--llm-log", path),
                   "Give another name with --llm-log.")  # fmt: skip

    def log(line: dict) -> None:
        with writing(path, "Give another place with --llm-log."):
            append(path, json.dumps(line) + "\n")

    with writing(path, "Give another place with --llm-log."):
        append(path, "")
    return log


def _is_log(path: Path) -> bool:
    """Return True if a file is empty or begins with a line of a log."""
    try:
        with path.open("rb") as file:
            first = file.readline(MOST_LINE)
        return not first or {"request", "seed", "reply"} <= set(json.loads(first))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _typed(option: str, text: object) -> Span:
    return Span(Source(option, str(text)), 0, len(str(text)))
