"""``lpmc cost``: what a run would ask, before anything is asked: calls, tokens, money, time.

Two numbers of calls. The **bound** holds whatever happens: every archetype that there can be, once a run, as often as
the model says (a request says nothing of step, replicate or scenario, so nothing is asked twice); retries and resamples
come on top. The **expectation** comes from people: archetypes that they occupy at the start by what they are, times
every band of every report that they know, or with ``--dry-run`` those of a run in which all decide ``otherwise``. Then
there is a range too: what runs in which nobody, some or all of everybody decide yes would ask.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from lpmdsl.backends.request import Archetype, RunRequest
from lpmdsl.compiler import compile_model
from lpmdsl.config import LlmOptions
from lpmdsl.networks.world import World
from lpmdsl.population.people import build_world, start_states
from lpmdsl.runtime.behaviours.prices import Price, Prices, price_of
from lpmdsl.runtime.behaviours.render import parts_of, request_of
from lpmdsl.runtime.behaviours.tables import rows
from lpmdsl.runtime.engine.execute import cpu_runner
from lpmdsl.runtime.scenarios import Plan
from lpmdsl.semantics.analyse import Facts
from lpmdsl.semantics.analysis.archetypes import asking, bounds_of, digits, steps_between
from lpmdsl.semantics.analysis.representatives import most_asked
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import (
    AttributeRef,
    Behaviour,
    Expr,
    GroupReport,
    Model,
    ObservationRef,
    Since,
    view_of,
    walk,
)

FEWEST_CHARACTERS, USUAL_CHARACTERS = 1.0, 4.0
"""Characters of a token: no token is shorter than one, and in English text one has about four."""
USUAL_TEMPLATE, MOST_TEMPLATE = 20, 64
"""Tokens of a chat template around two messages."""


class Part(BaseModel):
    """One behaviour. Tokens are of one call: ``…_most`` holds whatever the tokeniser does, the other is usual."""

    behaviour: str
    archetypes_most: int
    archetypes_expected: int
    times: int
    calls_most: int
    calls_expected: int
    calls_range: tuple[int, int]
    naive: int
    prompt_tokens: float
    prompt_tokens_most: float
    reply_tokens: float
    reply_tokens_most: float


class Cost(BaseModel):
    """A whole run. ``how``: where the expectation comes from. ``naive``: one call an agent at each refresh."""

    parts: tuple[Part, ...]
    how: str
    seconds_per_call: float
    at_once: int

    @property
    def calls_most(self) -> int:
        """Highest number of calls."""
        return sum(p.calls_most for p in self.parts)

    @property
    def calls_expected(self) -> int:
        """Expected number of calls."""
        return sum(p.calls_expected for p in self.parts)

    @property
    def calls_range(self) -> tuple[int, int]:
        """Fewest and most calls in the runs that were tried."""
        return sum(p.calls_range[0] for p in self.parts), sum(p.calls_range[1] for p in self.parts)

    @property
    def naive(self) -> int:
        """Number of calls if every agent were asked at every decision."""
        return sum(p.naive for p in self.parts)

    def tokens(self, most: bool) -> tuple[float, float]:
        """Of prompts and of replies."""
        if most:
            prompts = sum(p.calls_most * p.prompt_tokens_most for p in self.parts)
            return prompts, sum(p.calls_most * p.reply_tokens_most for p in self.parts)
        prompts = sum(p.calls_expected * p.prompt_tokens for p in self.parts)
        return prompts, sum(p.calls_expected * p.reply_tokens for p in self.parts)

    def seconds(self, calls: int) -> float:
        """Seconds that so many calls take."""
        return calls * self.seconds_per_call / self.at_once


def cost_of(model: Model, planned: Plan, seconds_per_call: float, at_once: int, facts: Facts | None = None) -> Cost:
    """The cost of a planned run. ``facts``: also run it with made-up decisions, to count archetypes."""
    asked = {b.name: b for v in planned.variants for b in asking(model, v.name)}
    variant, seed = planned.variants[0], planned.options.seed
    world = build_world(model, variant.parameters, seed, planned.counts, keeps_keys=True)
    start = start_states(model, world, variant.parameters, seed, 0)
    if facts is not None:
        occupied, how = (
            _dry_run(model, planned, facts, world, start),
            ("a run in which everybody decides `otherwise` (in others, where nobody to all decide yes)"),
        )
    else:
        scope = Scope(model, variant.parameters, world.attributes, start, world.counts)
        occupied = {b.name: (_at_start(b, scope, world.counts[b.of]),) for b in asked.values()}
        how = "who there is at the start, in every band of what is reported"
    parts = tuple(_part(model, planned, b, world.counts[b.of], occupied.get(b.name, (0,))) for b in asked.values())
    return Cost(parts=parts, how=how, seconds_per_call=seconds_per_call, at_once=at_once)


def _part(model: Model, planned: Plan, behaviour: Behaviour, people: int, occupied: tuple[int, ...]) -> Part:
    """``occupied``: archetypes that are expected, and those of other runs that were tried."""
    runs = len(planned.variants) * planned.options.replicates
    refreshes = -(-planned.steps // steps_between(model, behaviour))
    times = max(1, behaviour.asks)
    most = most_asked(model, behaviour, people * refreshes * runs)
    expected, low, high = (min(n, most) for n in (occupied[0], min(occupied), max(occupied)))
    prompt, prompt_most, reply, reply_most = _tokens(behaviour)
    return Part(
        behaviour=behaviour.name, archetypes_most=most, archetypes_expected=expected, times=times,
        calls_most=most * times, calls_expected=expected * times, calls_range=(low * times, high * times),
        naive=people * refreshes * runs,
        prompt_tokens=prompt, prompt_tokens_most=prompt_most, reply_tokens=reply, reply_tokens_most=reply_most,
    )  # fmt: skip


def _tokens(behaviour: Behaviour) -> tuple[float, float, float, float]:
    """Tokens of one call: usual and most, of the prompt and of the reply."""
    usual = LlmOptions(mode="live")
    shown = {which: _characters(behaviour, which, usual) for which in ("middle", "longest")}
    parts = parts_of(behaviour)
    reply = sum(max(map(len, part.words), default=2) + len(f'"{part.name}": ""') for part in parts) + 2 * len(parts)
    return (
        shown["middle"][0] / USUAL_CHARACTERS + USUAL_TEMPLATE, shown["longest"][1] / FEWEST_CHARACTERS + MOST_TEMPLATE,
        reply / USUAL_CHARACTERS + 2, float(usual.max_tokens * len(parts)),
    )  # fmt: skip


def _characters(behaviour: Behaviour, which: str, options: LlmOptions) -> tuple[int, int]:
    """Characters of the messages, and bytes of the whole request (a server may show the schema to the model)."""
    request = request_of(behaviour, _labels(behaviour, which), "", options.temperature, options.max_tokens)
    return sum(len(m["content"]) for m in request.content["messages"]), len(request.body.encode())


def _labels(behaviour: Behaviour, which: str) -> tuple[str, ...]:
    """For each digit the longest label, or one of middle length."""
    chosen = []
    for labels in digits(behaviour):
        by_length = sorted(labels, key=len)
        chosen.append(by_length[-1] if which == "longest" else by_length[len(by_length) // 2])
    return tuple(chosen)


# ------------------------------------------------------------------ expectations


def _at_start(behaviour: Behaviour, scope: Scope, people: int) -> int:
    """Combinations that occur of what people are and have, times the labels of what is reported or remembered."""
    code, reported = np.zeros(people, np.int64), 1
    for known in behaviour.knows:
        if any(_is_of_the_run(scope.model, e) for e in walk(known.value)):
            reported *= len(known.labels)
        else:
            code = code * len(known.labels) + _digit(known.value, known.cuts, scope, people)
    remembered = math.prod(len(labels) for labels in digits(behaviour)[len(behaviour.knows) :])
    return len(np.unique(code)) * reported * remembered


def _is_of_the_run(model: Model, expr: Expr) -> bool:
    """Return True if nobody knows a value before the run: a report, how long ago, or what is seen of neighbours."""
    return isinstance(expr, ObservationRef | GroupReport | Since) or (
        isinstance(expr, AttributeRef) and view_of(model, expr) is not None
    )


def _digit(value, cuts, scope: Scope, people: int) -> NDArray[np.int64]:
    """The number of each agent's label."""
    values = np.broadcast_to(np.asarray(evaluate(value, scope), np.float64), (people,))
    if not cuts:
        return values.astype(np.int64)
    return np.searchsorted([float(evaluate(cut, scope)) for cut in cuts], values, side="right").astype(np.int64)


TRIED = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Probabilities of yes, shares, or how far along the labels, of all archetypes alike."""


def _dry_run(
    model: Model, planned: Plan, facts: Facts, world: World, start: dict[str, NDArray[np.uint8]]
) -> dict[str, tuple[int, ...]]:
    """Archetypes that occur in the first replicate of the first scenario: if every reply is a fallback, and if
    everybody answers the same, for several answers."""
    variant = planned.variants[0]
    scope = Scope(model, variant.parameters, counts=world.counts)
    run, found = cpu_runner(compile_model(model, facts), 1), {}
    for tried in (None, *TRIED):
        seen: dict[str, set[int]] = {b.name: set() for b in model.behaviours}

        def ask(
            name: str, step: int, who: tuple[Archetype, ...], tried: float | None = tried,
            seen: dict[str, set[int]] = seen,
        ) -> NDArray[np.float64]:  # fmt: skip
            behaviour = model.behaviour(name)
            seen[name].update(a.code for a in who)
            nothing = [(None,) * max(1, behaviour.asks)] * len(who)
            always = _always(behaviour, tried) if tried is not None else float(evaluate(behaviour.otherwise, scope))
            return rows(behaviour, nothing, always)

        seed, states = planned.options.seed, {name: s.copy() for name, s in start.items()}
        run(RunRequest(model, world, variant.parameters, states, seed, 0, planned.steps, variant.disabled, ask), None)
        for name, codes in seen.items():
            found[name] = (*found.get(name, ()), len(codes))
    return found


def _always(behaviour: Behaviour, share: float) -> float:
    """A probability as it is; of a category the label that far along, of what has bounds so far between them."""
    if behaviour.decides.labels:
        return float(round(share * (len(behaviour.decides.labels) - 1)))
    low, high = bounds_of(behaviour)
    return low + share * (high - low)


# ------------------------------------------------------------------ in words


def cost_text(cost: Cost, prices: Prices | None, llm: str, path: Path | None) -> list[str]:
    """The lines that ``lpmc cost`` prints. Raises ``LpmError`` E0858 where there is no price for ``llm``."""
    if not cost.parts:
        return ["nobody is asked: 0 calls"]
    lines = [_part_line(part) for part in cost.parts]
    for name, most in (("expected", False), ("at most", True)):
        calls = cost.calls_most if most else cost.calls_expected
        prompts, replies = cost.tokens(most)
        low, high = cost.calls_range
        between = f" ({low:,} to {high:,})" if not most and low < high else ""
        tokens = f"{prompts:,.0f} + {replies:,.0f} tokens"
        lines.append(f"{name}: {calls:,} calls{between}, {tokens}, {_time(cost.seconds(calls))}")
        if prices is not None and path is not None:
            for model, price in _prices(prices, llm, path).items():
                money = f"{price.of(prompts, replies):,.2f} {prices.currency}"
                lines.append(f"  {money} with {model} (prices of {prices.date.isoformat()})")
    share = cost.naive / max(1, cost.calls_most)
    lines.append(f"one call for each agent and refresh would be {cost.naive:,} calls: {share:,.0f} times the most")
    lines.append(f"expected: {cost.how}; a token has about {USUAL_CHARACTERS:g} characters")
    lines.append("at most: every archetype once a run; calls that are tried again come on top")
    return lines


def _part_line(part: Part) -> str:
    """``isolate: 18 archetypes × 20 asks = 360 calls at most, 320 expected``"""
    times = f" × {part.times:,} asks" if part.times > 1 else ""
    return (
        f"{part.behaviour}: {part.archetypes_most:,} archetypes{times} = {part.calls_most:,} calls at most, "
        f"{part.calls_expected:,} expected"
    )


def _prices(prices: Prices, llm: str, path: Path) -> dict[str, Price]:
    return {llm: price_of(prices, llm, path)} if llm else prices.models


def _time(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
