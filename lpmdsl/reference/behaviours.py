"""Behaviours: who decides at the start of a step, what they know, what they are answered, what they decide."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lpmdsl.backends.request import Archetype, Ask, RunRequest, require_ask
from lpmdsl.quantities import Kind
from lpmdsl.reference import arithmetic as numbers, neighbours
from lpmdsl.reference.arithmetic import fixed
from lpmdsl.reference.contagion.presence import removed
from lpmdsl.reference.expressions import Moment, evaluate, everyone, number, over_agents
from lpmdsl.reference.moves.courses import Body
from lpmdsl.semantics.analysis.archetypes import LEAST_CHANCE, bounds_of, labels_of, labels_of_code
from lpmdsl.semantics.model import Behaviour, Blend, Expr, Known


@dataclass(slots=True)
class Decider:
    """One behaviour in a run. ``last``: for each agent its last decisions, the latest first (−1: none yet);
    ``saw``: the labels watched at its last decision (−1: it never decided); ``made``: how many decisions it has made.
    """

    behaviour: Behaviour
    ask: Ask | None
    last: list[Tensor] = field(default_factory=list)
    saw: list[Tensor] = field(default_factory=list)
    made: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))


def deciders(request: RunRequest) -> list[Decider]:
    """The behaviours that decide in this run. Raises ``LpmError`` E0850 if one asks and nobody answers."""
    active = [b for b in request.model.behaviours if b.name not in request.disabled]
    require_ask(request, [b for b in active if b.rule is None])
    return [_decider(b, request) for b in active]


def _decider(behaviour: Behaviour, request: RunRequest) -> Decider:
    never = torch.full((request.world.counts[behaviour.of],), -1, dtype=torch.int64)
    last = [never.clone() for _ in range(behaviour.remembers)]
    saw = [never.clone() for _ in behaviour.when]
    return Decider(behaviour, request.ask, last, saw, torch.zeros_like(never))


def decide(body: Body, all_deciders: list[Decider], t: int, time: float) -> None:
    """Everyone who decides at boundary ``t`` does so; all of a stage look before any of its decisions is written."""
    for stage in sorted({decider.behaviour.stage for decider in all_deciders}):
        _decide_stage(body, [d for d in all_deciders if d.behaviour.stage == stage], t, time)


def _decide_stage(body: Body, deciders: list[Decider], t: int, time: float) -> None:
    neighbours.look(replace(body.now, time=time), tuple(d.behaviour for d in deciders), body.world, body.draws)
    seen = body.now.seen(time)
    decided: list[tuple[Decider, Tensor, Tensor]] = []
    for decider in deciders:
        who = _who(decider, t, seen)
        values = _decisions(body, decider, who, t, seen) if len(who) else torch.zeros(0)
        decided.append((decider, who, values))
    for decider, who, values in decided:
        behaviour = decider.behaviour
        body.now.attributes[(behaviour.of, behaviour.into)][who] = values.to(torch.float64)
        _remember(decider, who, values, seen)


# ------------------------------------------------------------------ who decides


def _who(decider: Decider, t: int, seen: Moment) -> Tensor:
    behaviour = decider.behaviour
    may = ~removed(behaviour.of, seen)
    if behaviour.every is not None:
        due = t % max(1, round(behaviour.every / seen.model.clock.step)) == 0
        return torch.nonzero(may & due).flatten()
    changed = ~everyone(behaviour.of, seen)
    for known, saw in zip(_watched(behaviour), decider.saw, strict=True):
        changed = changed | (_label(known, behaviour.of, seen) != saw)
    return torch.nonzero(may & changed).flatten()


def _watched(behaviour: Behaviour) -> list[Known]:
    return [k for k in behaviour.knows if k.slot in behaviour.when]


def _remember(decider: Decider, who: Tensor, values: Tensor, seen: Moment) -> None:
    for known, saw in zip(_watched(decider.behaviour), decider.saw, strict=False):
        saw[who] = _label(known, decider.behaviour.of, seen)[who]
    decider.made[who] += 1
    for later, earlier in zip(reversed(decider.last), reversed(decider.last[:-1]), strict=False):
        later[who] = earlier[who]
    if decider.last:
        decider.last[0][who] = values.to(torch.int64)


# ------------------------------------------------------------------ what they know


def _label(known: Known, kind: str, seen: Moment) -> Tensor:
    """For every agent which label of a slot is its own: a category, or the band of a number; the last without one."""
    value = over_agents(known.value, kind, seen)
    if not known.cuts:
        return value.to(torch.int64)
    band = torch.zeros_like(value, dtype=torch.int64)
    for cut in known.cuts:
        band += (value >= evaluate(cut, seen)).to(torch.int64)
    unknown = len(known.cuts) + 1 if len(known.labels) > len(known.cuts) + 1 else 0
    return torch.where(torch.isnan(value), unknown, band)


def _archetypes(decider: Decider, who: Tensor, seen: Moment) -> Tensor:
    """The number of each one's archetype: mixed radix, what is known first, then the last decisions."""
    behaviour = decider.behaviour
    code = torch.zeros(len(who), dtype=torch.int64)
    for known in behaviour.knows:
        code = code * len(known.labels) + _label(known, behaviour.of, seen)[who]
    labels = len(labels_of(behaviour))
    for decision in decider.last:
        told = decision[who]
        code = code * (labels + 1) + torch.where(told < 0, labels, told)
    return code


# ------------------------------------------------------------------ what they decide


def _decisions(body: Body, decider: Decider, who: Tensor, t: int, seen: Moment) -> Tensor:
    behaviour = decider.behaviour
    if behaviour.every is not None:
        episode = torch.full_like(who, t // max(1, round(behaviour.every / seen.model.clock.step)))
    else:
        episode = decider.made[who]
    shared = torch.stack(body.draws.words(who // 4, behaviour.site, episode))  # four share a draw
    word = shared.gather(0, (who % 4)[None])[0]
    shift = evaluate(behaviour.shifted, seen) if behaviour.shifted is not None else number(0.0)
    if behaviour.rule is not None:
        return _by_rule(behaviour, behaviour.rule, who, word, shift, seen)
    code = _archetypes(decider, who, seen)
    occupied, row = torch.unique(code, sorted=True, return_inverse=True)
    archetypes = tuple(Archetype(int(c), labels_of_code(behaviour, int(c))) for c in occupied)
    assert decider.ask is not None
    answers = torch.from_numpy(decider.ask(behaviour.name, t, archetypes).copy())
    if behaviour.blends is not None:
        chance = _blended(behaviour, behaviour.blends, _shifted(answers[:, 1], shift)[row], who, seen)
        return (word >= fixed(1.0 - chance)).to(torch.float64)
    return _drawn(behaviour, answers, row, word, shift)


def _drawn(behaviour: Behaviour, answers: Tensor, row: Tensor, word: Tensor, shift: Tensor) -> Tensor:
    match behaviour.decides.kind:
        case Kind.SHARE | Kind.PROBABILITY | Kind.NUMBER:
            column = (word * behaviour.asks) >> 32
            return _shifted(answers, shift)[row, column]
        case Kind.BOOLEAN:
            no = 1.0 - _shifted(answers[:, 1], shift) if float(shift) != 0 else answers[:, 0]
            return (word >= fixed(no)[row]).to(torch.float64)
        case Kind.CATEGORY:
            return _drawn_label(answers, row, word)
        case _:
            raise AssertionError(f"a {behaviour.decides} is not decided")


def _drawn_label(answers: Tensor, row: Tensor, word: Tensor) -> Tensor:
    """The first label whose cumulative probability exceeds the word, else the last."""
    label = torch.full_like(word, answers.shape[1] - 1)
    total, undecided = torch.zeros(len(answers), dtype=torch.float64), torch.ones_like(word, dtype=torch.bool)
    for k in range(answers.shape[1] - 1):
        total = total + answers[:, k]
        taken = undecided & (word < fixed(total)[row])
        label[taken] = k
        undecided &= ~taken
    return label


def _by_rule(behaviour: Behaviour, rule: Expr, who: Tensor, word: Tensor, shift: Tensor, seen: Moment) -> Tensor:
    """The rule's own value, or a draw with it as the probability of yes; no number counts as 0."""
    value = over_agents(rule, behaviour.of, seen)[who]
    if behaviour.decides.kind is Kind.CATEGORY:
        return value
    if behaviour.decides.kind is Kind.NUMBER:
        value = torch.floor(value + 0.5)
    low, high = bounds_of(behaviour)
    chance = torch.where(value > low, torch.where(value < high, value, high), low)
    chance = _shifted(chance, shift)
    if behaviour.decides.kind is not Kind.BOOLEAN:
        return chance
    return (word >= fixed(1.0 - chance)).to(torch.float64)


def _blended(behaviour: Behaviour, blend: Blend, said: Tensor, who: Tensor, seen: Moment) -> Tensor:
    """The inverse logit of the logits of what is said and of the rule, weighed; at the ends one of them as it is."""
    weight = float(evaluate(blend.weight, seen))
    value = over_agents(blend.rule, behaviour.of, seen)[who].to(torch.float64)
    ruled = torch.where(value > 0, torch.where(value < 1, value, 1.0), 0.0)
    if weight <= 0:
        return said
    if weight >= 1:
        return ruled
    held = [torch.clamp(p, LEAST_CHANCE, 1.0 - LEAST_CHANCE) for p in (said, ruled)]
    logits = [numbers.log(p / (1.0 - p)) for p in held]
    return 1.0 / (1.0 + numbers.exp(-((1.0 - weight) * logits[0] + weight * logits[1])))


def _shifted(chance: Tensor, shift: Tensor) -> Tensor:
    """The inverse logit of the logit and the shift; no shift leaves it as it is."""
    if float(shift) == 0:
        return chance
    return 1.0 / (1.0 + numbers.exp(-(numbers.log(chance / (1.0 - chance)) + shift)))
