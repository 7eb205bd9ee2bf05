"""Budgets: calls and money that a run may take, held to before each call is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lpmdsl.config import BehaviourRecord, LlmOptions
from lpmdsl.diagnostics import fail
from lpmdsl.runtime.behaviours.prices import Price
from lpmdsl.runtime.behaviours.render import Request
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Behaviour, CheckQuantity, Model
from lpmdsl.source import Source, Span

TEMPLATE_TOKENS = 64  # of a chat template around the messages, at most


@dataclass(slots=True)
class Counts:
    """Counts of the traffic with a server. ``calls``: HTTP requests sent, retries and resamples among them."""

    calls: int = 0
    retries: int = 0
    resamples: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    under_way: int = 0
    reserved: float = 0.0


@dataclass(slots=True)
class Budget:
    """``price`` None: nothing is known of costs. ``promised`` holds ``check calls of NAME at most N``."""

    options: LlmOptions
    model: Model
    parameters: Mapping[str, float]
    price: Price | None = None
    currency: str = ""
    counts: Counts = field(default_factory=Counts)

    @property
    def cost(self) -> float | None:
        """Money for the tokens so far, as the server counts them."""
        counts = self.counts
        return self.price.of(counts.prompt_tokens, counts.reply_tokens) if self.price is not None else None

    def take(self, request: Request) -> float | None:
        """Takes one call; what was set aside for it, or None while it must wait for those under way.

        Raises ``LpmError`` E0855 where it is too much and nothing is under way: no reply that was paid for is lost.
        """
        counts, options = self.counts, self.options
        most = self._most(request)
        too_many = options.max_calls is not None and counts.calls >= options.max_calls
        too_dear = options.max_cost is not None and (self.cost or 0.0) + counts.reserved + most > options.max_cost
        if (too_many or too_dear) and counts.under_way:
            return None
        if too_many:
            word = f"{options.max_calls}"
            raise fail(
                "E0855",
                f"The run has sent {counts.calls:,} calls, and more are not allowed.",
                Span(Source("--max-calls", word), 0, len(word)),
                "What was answered is kept: `--llm record` goes on from there with more calls.",
            )
        if too_dear:
            word = f"{options.max_cost:g}"
            raise fail(
                "E0855",
                f"The run has cost {self.cost or 0.0:.4g} {self.currency}, and the next call could bring it above "
                f"{word}.",
                Span(Source("--max-cost", word), 0, len(word)),
                "What was answered is kept: `--llm record` goes on from there with more money.",
            )
        counts.calls += 1
        counts.under_way += 1
        counts.reserved += most
        return most

    def give_back(self, reserved: float) -> None:
        """A call is over: its tokens are counted now."""
        self.counts.under_way -= 1
        self.counts.reserved = max(0.0, self.counts.reserved - reserved)

    def _most(self, request: Request) -> float:
        """Highest cost of a call: no token is shorter than a byte."""
        if self.price is None:
            return 0.0
        return self.price.of(len(request.body.encode()) + TEMPLATE_TOKENS, self.options.max_tokens)

    def promised(self, behaviour: Behaviour, record: BehaviourRecord) -> None:
        """Holds a run to ``check calls of NAME at most N``. Raises ``LpmError`` E0855."""
        scope = Scope(self.model, self.parameters)
        for check in self.model.checks:
            if not isinstance(check, CheckQuantity) or check.quantity != "calls" or check.of != behaviour.name:
                continue
            most = float(evaluate(check.high, scope))
            if record.asks > most:
                raise fail(
                    "E0855",
                    f"`{behaviour.name}` needs {record.asks:,} answers by now, and the model promises at most "
                    f"{most:,.0f}.",
                    check.span,
                    "Let people know less, in fewer bands; or promise more.",
                )
