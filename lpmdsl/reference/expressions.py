"""Expressions of the Model IR evaluated in plain torch on what can be seen at one moment of a run.

A value is a float64 tensor: one number, or one for every agent of a kind. Yes is 1, no is 0, a category is its index.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from lpmdsl.networks.world import Ties
from lpmdsl.reference.arithmetic import TICKS
from lpmdsl.reference.domain import SAMPLES, Domain, apply, truth
from lpmdsl.semantics.analysis.watched_values import Fault, Watched
from lpmdsl.semantics.host.quantile_tables import plan, radix
from lpmdsl.semantics.model import (
    Aggregate,
    Apply,
    AttributeRef,
    Distribution,
    Expr,
    Flow,
    Follows,
    GroupReport,
    InState,
    IsActive,
    Literal_,
    Luck,
    Model,
    Neighbours,
    ObservationRef,
    ParameterRef,
    Population,
    Rolling,
    Since,
    Spending,
    StateOf,
    TableRef,
    Theirs,
    TieRef,
    Time,
)

CHUNK = 16_384
"""Agents whose numbers are added before the sums of the chunks are."""
LANES = 1024
"""Sums kept side by side in a chunk."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Values that expressions read at one instant; ``seen`` makes one that later writes do not touch.

    ``attributes``: stored values by (kind, name). ``states``: int64 by condition. ``history``: every completed report
    of an observation in base units (float64, groups). ``time`` in days. ``group``: the groups of the derived
    observation that is being computed and which of them. ``effects``: whether ``while`` clauses are in force.
    ``entered``: the tick of everybody's last move by condition; ``since_at``: the tick, of all or of each, at which
    ``time since`` is read (None: at ``time``). ``active``: of an intervention of each place a mask of places, and by
    ``NAME.K`` one of those in which its block K is due.
    """

    model: Model
    counts: dict[str, int]
    parameters: Mapping[str, float | Tensor]
    attributes: dict[tuple[str, str], Tensor]
    states: dict[str, Tensor]
    history: dict[str, list[Tensor]]
    active: dict[str, bool | Tensor]
    time: float
    entered: dict[str, Tensor] = field(default_factory=dict)
    since_at: Tensor | None = None
    group: tuple[tuple[str, ...], int] | None = None
    effects: bool = True
    watched: Mapping[tuple[Expr, str], Watched] = field(default_factory=dict)
    faults: dict[tuple[Watched, Fault], int] = field(default_factory=dict)
    """The boundary at which each was first found."""
    theirs: Moment | None = None
    """The moment of the other agent of each tie, where agents are seen in pairs."""
    pairs: tuple[Mapping[str, Ties], Tensor, Tensor] | None = None
    """The networks, and both agents of each pair, where agents are seen in pairs."""
    seen_of_others: Mapping[Expr, Tensor] = field(default_factory=dict)
    """Values of what everybody sees of its neighbours, and of its luck, where a rule has just looked."""
    domain: Domain = SAMPLES

    def seen(self, time: float) -> Moment:
        """Copy of the moment at ``time`` (days), which later writes do not touch."""
        attributes = {key: value.clone() for key, value in self.attributes.items()}
        states = {name: value.clone() for name, value in self.states.items()}
        entered = {name: value.clone() for name, value in self.entered.items()}
        return replace(self, attributes=attributes, states=states, entered=entered, active=dict(self.active), time=time)


def number(value: float | Tensor) -> Tensor:
    """Tensor of one float64; of what is one already, itself."""
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def evaluate(expr: Expr, moment: Moment) -> Tensor:
    """The value of ``expr`` in base units: one number, or one per agent if it reads the agent's own."""
    match expr:
        case Literal_():
            return number(expr.value)
        case ParameterRef():
            return number(moment.parameters[expr.name])
        case Follows():
            return truth(_formula_of(expr.parameter, moment) == moment.parameters[expr.parameter])
        case AttributeRef():
            return attribute(expr.of, expr.name, moment)
        case InState():
            return in_states(moment.states[expr.condition], expr.states).to(torch.float64)
        case StateOf():
            return moment.states[expr.condition].to(torch.float64)
        case Since():
            return _since(expr.condition, moment)
        case TableRef():
            return _look_up(expr, moment)
        case ObservationRef():
            return _latest(expr, moment)
        case GroupReport():
            return _own_group(expr, moment)
        case Rolling():
            return _rolling(expr, moment)
        case Population():
            return number(moment.counts[expr.of])
        case Time():
            return number(moment.time)
        case IsActive():
            return _is_active(expr, moment)
        case Apply():
            return apply(expr, [evaluate(a, moment) for a in expr.arguments], moment.domain)
        case Aggregate():
            return aggregate(expr, moment, everyone(expr.of, moment))
        case Theirs():
            assert moment.theirs is not None
            return evaluate(expr.inner, moment.theirs)
        case TieRef():
            return _of_tie(expr, moment)
        case Neighbours() | Luck():
            return moment.seen_of_others[expr]
        case _:
            assert_never(expr)


def over_agents(expr: Expr, kind: str, moment: Moment) -> Tensor:
    """The value of ``expr`` for every agent of ``kind``, also where it is the same for all."""
    return evaluate(expr, moment).expand(moment.counts[kind]).contiguous()


def holds(expr: Expr | None, kind: str, moment: Moment) -> Tensor:
    """For every agent of ``kind`` whether ``expr`` is true; no expression is true of everyone."""
    return everyone(kind, moment) if expr is None else over_agents(expr, kind, moment) != 0


def everyone(kind: str, moment: Moment) -> Tensor:
    """Mask of all agents of a kind."""
    return torch.ones(moment.counts[kind], dtype=torch.bool)


def in_states(state: Tensor, states: tuple[int, ...]) -> Tensor:
    """Mask of the agents in one of the states."""
    return torch.isin(state, torch.tensor(states, dtype=torch.int64))


def table_rows(distribution: Distribution, kind: str, moment: Moment) -> Tensor:
    """For every agent the row of the distribution's quantile table: mixed radix, the first leaf most significant."""
    row = torch.zeros(moment.counts[kind], dtype=torch.int64)
    for leaf in plan(distribution):
        row = row * radix(leaf) + over_agents(leaf, kind, moment).to(torch.int64)
    return row


# ------------------------------------------------------------------ leaves


def attribute(kind: str, name: str, moment: Moment) -> Tensor:
    """The attribute as it reads: its stored value, or the formula that it is, unless a ``while`` clause sets it; the
    last such clause wins.

    What a clause's own value reads are stored values, so no clause depends on another.
    """
    value = moment.attributes[(kind, name)]
    if not moment.effects:
        return value
    stored = replace(moment, effects=False)
    declared = next((a for a in moment.model.agent(kind).attributes if a.name == name), None)
    if declared is not None and declared.follows is not None:
        value = over_agents(declared.follows, kind, stored)
    for condition in moment.model.conditions:
        for clause in condition.whiles:
            if condition.of == kind and clause.attribute == name and clause.value is not None:
                inside = in_states(moment.states[condition.name], clause.states)
                value = torch.where(inside, evaluate(clause.value, stored), value)
    for one in moment.model.interventions:
        for clause in (w for w in one.while_active if w.of == kind):
            for action in (a for a in clause.sets if a.attribute == name):
                reads = holds(one.active(clause.span), kind, stored) & holds(clause.where, kind, stored)
                value = torch.where(reads, evaluate(action.value, stored), value)
    return value


def _formula_of(parameter: str, moment: Moment) -> Tensor:
    """Value of a parameter's formula at time 0; NaN for one that is a number."""
    default = moment.model.parameter(parameter).default
    return number(math.nan) if isinstance(default, Literal_) else evaluate(default, replace(moment, time=0.0))


def _is_active(expr: IsActive, moment: Moment) -> Tensor:
    """Truth of an intervention being active: for all, or for everybody in its own place, who may have none."""
    held = moment.active[expr.intervention if expr.block < 0 else f"{expr.intervention}.{expr.block}"]
    if isinstance(held, bool):
        return number(held)
    place = moment.attributes[(expr.of, expr.place)].to(torch.int64)
    return truth((place >= 0) & held[torch.clamp(place, min=0)])


def _since(condition: str, moment: Moment) -> Tensor:
    """Days since everybody's last move; 0 of a move that is still to come in the step."""
    step = moment.model.clock.step
    at = torch.tensor(round(moment.time / step) * TICKS) if moment.since_at is None else moment.since_at
    return torch.clamp(at - moment.entered[condition], min=0).to(torch.float64) * (step / TICKS)


def _of_tie(expr: TieRef, moment: Moment) -> Tensor:
    """For every pair what is said of the tie that leads from the first to the second."""
    assert moment.pairs is not None
    networks, mine, theirs = moment.pairs
    ties = networks[expr.network]
    count = len(ties.offsets) - 1
    keys = np.repeat(np.arange(count), np.diff(ties.offsets)) * count + ties.targets
    at = np.searchsorted(keys, mine.numpy() * count + theirs.numpy())
    return torch.from_numpy(ties.columns[expr.name][at].astype(np.float64))


def _look_up(expr: TableRef, moment: Moment) -> Tensor:
    table = moment.model.table(expr.table)
    row = torch.zeros((), dtype=torch.int64)
    for key, labels in zip(expr.keys, table.keys, strict=True):
        row = row * len(labels) + evaluate(key, moment).to(torch.int64)
    return torch.tensor(table.values, dtype=torch.float64)[row]


def _latest(expr: ObservationRef, moment: Moment) -> Tensor:
    reports = moment.history[expr.observation]
    return _per_day(_one_group(reports[-1], expr, moment), expr, moment) if reports else number(math.nan)


def _own_group(expr: GroupReport, moment: Moment) -> Tensor:
    """For every agent the last report of its own group: row-major over what the observation is by."""
    reports = moment.history[expr.observation]
    if not reports:
        return number(math.nan)
    group = torch.zeros((), dtype=torch.int64)
    for key in expr.keys:
        group = group * radix(key) + evaluate(key, moment).to(torch.int64)
    return reports[-1][group]


def _rolling(expr: Rolling, moment: Moment) -> Tensor:
    """The mean or total of as many last reports as fill the window, or of those there are; NaN before the first."""
    observation = moment.model.observation(expr.observation)
    reports = moment.history[expr.observation]
    if math.isfinite(expr.window):
        reports = reports[-max(1, round(expr.window / observation.every)) :]
    if not reports:
        return number(math.nan)
    if expr.how == "total" and isinstance(observation.value, Flow):
        # The counts themselves, so that whole numbers stay whole.
        reports = [torch.round(report * observation.every) for report in reports]
    total = number(0.0)
    for report in reports:
        one = _one_group(report, expr, moment)
        total = total + (_per_day(one, expr, moment) if expr.how == "mean" else one)
    if expr.how == "mean":
        return total / float(len(reports))
    return total if isinstance(observation.value, Flow | Spending) else total * observation.every


def _per_day(report: Tensor, expr: ObservationRef | Rolling, moment: Moment) -> Tensor:
    """A report in base units: money is kept as what its period came to."""
    observation = moment.model.observation(expr.observation)
    return report / observation.every if isinstance(observation.value, Spending) else report


def _one_group(report: Tensor, expr: ObservationRef | Rolling, moment: Moment) -> Tensor:
    """The group asked for, the same group as is being computed, or the sum over groups in their order."""
    if expr.group is not None:
        return report[expr.group]
    if moment.group is not None and moment.model.observation(expr.observation).groups == moment.group[0]:
        return report[moment.group[1]]
    return functools.reduce(torch.add, report.unbind())


# ------------------------------------------------------------------ aggregates


def aggregate(expr: Aggregate, moment: Moment, among: Tensor, counted: Tensor | None = None) -> Tensor:
    """The aggregate over the agents of ``among`` (those of a group) that satisfy its ``where`` and are ``counted``.

    A share divides by all of ``among``. Of nobody: ``else``, or 0 for counts and sums, NaN for the others.
    """
    chosen = among & holds(expr.where, expr.of, moment)
    if counted is not None:
        chosen = chosen & counted
    of_whom = among if expr.function == "share" else chosen
    if expr.otherwise is not None and expr.function != "count" and not bool(of_whom.any()):
        return evaluate(expr.otherwise, moment)
    if expr.what is None:
        total = float(chosen.sum())
        return number(total if expr.function == "count" else total / float(among.sum()) if among.any() else math.nan)
    return number(_summary(expr, over_agents(expr.what, expr.of, moment), chosen))


def _summary(expr: Aggregate, values: Tensor, chosen: Tensor) -> float:
    function = expr.function
    if function == "sum":
        return ordered_sum(values, chosen)
    count = float(chosen.sum())
    if count == 0:
        return math.nan
    if expr.function == "quantile":
        return _quantile(values[chosen], expr.level)
    if function == "min":
        return float(values[chosen].min())
    if function == "max":
        return float(values[chosen].max())
    mean = ordered_sum(values, chosen) / count
    if function == "mean":
        return mean
    square = ordered_sum(values * values, chosen) / count
    variance = square - mean * mean
    return math.nan if math.isnan(variance) else math.sqrt(max(0.0, variance))


def _quantile(values: Tensor, level: float) -> float:
    """Between the two values nearest to the level, as far along as it is; of what has no number, none."""
    if bool(torch.isnan(values).any()):
        return math.nan
    ordered = torch.sort(values).values.tolist()
    place = level * float(len(ordered) - 1)
    below = math.floor(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return low if low == high else low + (place - float(below)) * (high - low)


def ordered_sum(values: Tensor, chosen: Tensor) -> float:
    """The float64 sum in one stated order: agent ``i`` adds to lane ``i mod 1024`` of its chunk of 16 384, then the
    chunks are added lane by lane, then the lanes in halves.

    An agent not chosen adds 0, which changes no bits of a sum that starts from 0.
    """
    terms = torch.nn.functional.pad(torch.where(chosen, values, 0.0), (0, -len(values) % CHUNK))
    lanes = torch.zeros(LANES, dtype=torch.float64)
    for chunk in terms.view(-1, CHUNK // LANES, LANES):
        lanes = lanes + functools.reduce(torch.add, chunk, torch.zeros_like(lanes))
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    return float(lanes)
