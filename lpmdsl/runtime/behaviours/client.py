"""The client: many calls at once to an OpenAI-compatible server, each with an end to its patience.

Every way in which a call can fail ends here as an ``Outcome``: with a reply, or without one and a reason.
What stops the whole run (a refused key, a budget) is raised as ``LpmError``.
"""

from __future__ import annotations

import asyncio
import email.utils
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError as StillRunning
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import openai

from lpmdsl.config import LlmOptions
from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.runtime.behaviours.budget import Budget
from lpmdsl.runtime.behaviours.render import Request
from lpmdsl.runtime.behaviours.replies import Completion, Invalid, Usage, read_completion, reply_text
from lpmdsl.source import Source, Span

MOST_BYTES = 2**20
"""Of a reply: a decision takes some hundred bytes, and log-probabilities some ten thousand."""
FIRST_WAIT = 0.5  # seconds before the first retry; it doubles each time
RESAMPLED = 1 << 30
"""Added to the number of an ask for the seed of its second try."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one question: ``reply`` None is a fallback, for ``reason``. Tokens of all its calls."""

    reply: str | None
    reason: str
    usage: Usage


Done = Callable[[int, Outcome], None]
"""Called with the position of an ask and what came of it, in any order."""
Log = Callable[[dict[str, Any]], None]
"""Called with a request and its reply, where the user asked for a log."""


class _Failed(Exception):
    """A call that may be tried again: ``after`` seconds at least, as the server says."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.after = reason, after


@dataclass(slots=True)
class Client:
    """Calls from a loop of its own in a thread of its own, so that it can be used from anywhere (a notebook too)."""

    options: LlmOptions
    key: str
    budget: Budget
    log: Log | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _openai: openai.AsyncOpenAI | None = None
    _next_start: float = 0.0

    def ask_all(self, asks: Sequence[tuple[Request, int]], done: Done, stopped: Callable[[], bool]) -> None:
        """Asks for everything, ``done`` as replies come, in the loop's thread. Raises ``LpmError`` to end the run.

        Returns early once ``stopped`` is true: calls under way are broken off.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name="lpm-language-model", daemon=True)
            self._thread.start()
        running = asyncio.run_coroutine_threadsafe(self._all(asks, done), self._loop)
        try:
            _wait(running, stopped)
        finally:  # nothing is done any more once this returns
            asyncio.run_coroutine_threadsafe(_settled(), self._loop).result(timeout=self.options.timeout)

    def close(self) -> None:
        """Ends the connections and the thread."""
        if self._thread is None:
            return
        if self._openai is not None:
            asyncio.run_coroutine_threadsafe(self._openai.close(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()
        self._thread = None

    async def _all(self, asks: Sequence[tuple[Request, int]], done: Done) -> None:
        """A pool of workers over one queue: never more tasks than calls at once, however many asks wait."""
        waiting = iter(enumerate(asks))

        async def worker() -> None:
            for position, (request, ask) in waiting:
                done(position, await self._outcome(request, ask))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.options.concurrency, len(asks))):
                group.create_task(worker())

    async def _outcome(self, request: Request, ask: int) -> Outcome:
        """One reply, after one more try where the first was invalid."""
        spent, reason = Usage(), ""
        for seed in (request.seed(ask), request.seed(ask + RESAMPLED)):
            try:
                completion = await self._call(request, seed)
                spent = _added(spent, completion.usage)
                return Outcome(reply_text(request, completion), "", spent)
            except Invalid as error:
                reason = str(error)
                self.budget.counts.resamples += seed == request.seed(ask)
            except _Failed as error:
                return Outcome(None, error.reason, spent)
        return Outcome(None, reason, spent)

    async def _call(self, request: Request, seed: int) -> Completion:
        """A chat completion, with retries. Raises ``_Failed`` at the end of patience, ``Invalid``, ``LpmError``."""
        counts = self.budget.counts
        for attempt in range(self.options.retries + 1):
            await self._turn()
            while (reserved := self.budget.take(request)) is None:
                await asyncio.sleep(0.01)
            counts.retries += attempt > 0
            try:
                completion = read_completion(await self._send(request, seed))
                if completion.usage is None:
                    reserved = 0.0  # a server that counts no tokens: what was set aside stays spent
                else:
                    counts.prompt_tokens += completion.usage.prompt_tokens
                    counts.reply_tokens += completion.usage.completion_tokens
                return completion
            except _Failed as error:
                if attempt == self.options.retries:
                    raise
                after = error.after
            finally:
                self.budget.give_back(reserved)
            await asyncio.sleep(self._wait(attempt, after))
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int, after: float | None) -> float:
        """Seconds until the next attempt: what the server says, else doubling with jitter; at most ``longest_wait``.

        The jitter needs no key: it moves calls in time and no result.
        """
        wait = after if after is not None else FIRST_WAIT * 2**attempt * random.uniform(0.5, 1.5)
        return min(wait, self.options.longest_wait)

    async def _turn(self) -> None:
        """Waits until the rate allows another call."""
        if self.options.rate is None:
            return
        now = time.monotonic()
        start = max(now, self._next_start)
        self._next_start = start + 1 / self.options.rate
        await asyncio.sleep(start - now)

    async def _send(self, request: Request, seed: int) -> bytes:
        """The body of the answer to one HTTP request."""
        with _failures(self.options):
            async with asyncio.timeout(self.options.timeout):
                body = await self._body(request, seed)
        if self.log is not None:
            self.log({"request": request.content, "seed": seed, "reply": body.decode("utf-8", "replace")})
        return body

    async def _body(self, request: Request, seed: int) -> bytes:
        """Read piece by piece, so that an endless reply is put down. Raises ``Invalid``."""
        client = self._openai or self._opened()
        create: Any = client.chat.completions.with_streaming_response.create
        body = bytearray()
        async with create(**_arguments(request, seed)) as response:
            async for piece in response.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise Invalid("too long")
        return bytes(body)

    def _opened(self) -> openai.AsyncOpenAI:
        options = self.options
        # No redirects: they would lead from this computer to another. No proxy for a server on this computer.
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=options.allow_remote)
        self._openai = openai.AsyncOpenAI(
            api_key=self.key or "none", base_url=options.url, timeout=options.timeout, max_retries=0, http_client=http
        )
        return self._openai


async def _settled() -> None:
    """Waits for every task of the loop that has been broken off."""
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


def _arguments(request: Request, seed: int) -> dict[str, Any]:
    """Arguments of the chat completion."""
    content = request.content
    settings = content["settings"]
    schema = {"name": "reply", "strict": True, "schema": content["schema"]}
    asked = {
        "model": content["model"],
        "messages": content["messages"],
        "seed": seed,
        "temperature": settings["temperature"],
        "max_tokens": settings["max_tokens"],
        "response_format": {"type": "json_schema", "json_schema": schema},
    }
    if settings["top_logprobs"]:
        asked |= {"logprobs": True, "top_logprobs": settings["top_logprobs"]}
    return asked


@contextmanager
def _failures(options: LlmOptions) -> Iterator[None]:
    """Translate exceptions of the transport: to be tried again, invalid, or ending the run."""
    try:
        yield
    except (TimeoutError, openai.APITimeoutError) as error:
        raise _Failed("timed out") from error
    except openai.APIStatusError as error:
        if error.status_code in (401, 403, 404):
            raise refused(options, error.status_code) from error
        if error.status_code not in (408, 409, 425, 429) and error.status_code < 500:
            raise Invalid(f"status {error.status_code}") from error
        raise _Failed(f"status {error.status_code}", _retry_after(error.response.headers)) from error
    except openai.APIConnectionError as error:
        raise _Failed("no connection") from error
    except (Invalid, LpmError, asyncio.CancelledError):
        raise
    except Exception as error:  # a connection that breaks while the body is read: the HTTP library's own errors
        raise _Failed("connection cut") from error


def refused(options: LlmOptions, status: int) -> LpmError:
    """The server will not answer, whatever is asked."""
    why = {401: "it does not take the key", 403: "it forbids the use"}.get(status, "it has no such address or model")
    return fail(
        "E0856",
        f"The server refuses (status {status}): {why}.",
        Span(Source("--llm-url", options.url), 0, len(options.url)),
        "Set LPM_LLM_KEY to its key." if status in (401, 403) else "The address ends in /v1; see --llm-model too.",
    )


def _retry_after(headers: Any) -> float | None:
    """Seconds of ``Retry-After``, a number or a date; infinite for one that never comes, None for what is neither."""
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
        return max(0.0, seconds) if not math.isnan(seconds) else None
    except ValueError:
        date = email.utils.parsedate_tz(text)
    if date is None:
        return None
    try:
        return max(0.0, email.utils.mktime_tz(date) - time.time())
    except (ValueError, OverflowError):  # a date that no calendar has, as in the year 99999
        return math.inf


def _added(spent: Usage, more: Usage | None) -> Usage:
    if more is None:
        return spent
    return Usage(
        prompt_tokens=spent.prompt_tokens + more.prompt_tokens,
        completion_tokens=spent.completion_tokens + more.completion_tokens,
    )


def _wait(running: Future[None], stopped: Callable[[], bool]) -> None:
    """Waits for the loop's thread, looking now and then whether the user has had enough."""
    while True:
        try:
            running.result(timeout=0.1)
            return
        except StillRunning:
            if stopped():
                running.cancel()
                return
        except BaseExceptionGroup as group:  # of a task group: the first is why the others were broken off
            raise _first(group) from group


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = next((e for e in group.exceptions if isinstance(e, LpmError)), group.exceptions[0])
    return group
