"""Contents that the host gives buffers before a run: constants, tables, people, ties, start states, days."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from lpmdsl.backends.request import RunRequest
from lpmdsl.lowering.score.dwell_scores import quantile_slopes
from lpmdsl.networks.directed import turned
from lpmdsl.networks.random_regular import keys_of_draws
from lpmdsl.networks.world import Ties
from lpmdsl.program.ir import (
    Adjoint,
    Buffer,
    ByKernels,
    CircleDegree,
    CircleKeys,
    Column,
    ColumnChances,
    Constants,
    DayTable,
    LastBoundary,
    LeftOut,
    MemberRows,
    Members,
    MonthsPassed,
    OpenDays,
    Program,
    Quantiles,
    QuantileTable,
    StageNumbers,
    StartChances,
    StartStates,
    TableValues,
    TieColumn,
    TieOffsets,
    TieTargets,
)
from lpmdsl.semantics.analysis.exposure.largest_hazards import refuse_hazards
from lpmdsl.semantics.host.calendar import day_table, months_passed
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.host.quantile_tables import quantile_table
from lpmdsl.semantics.model import Distribution, Model, Network, Rule


def given_buffers(program: Program, request: RunRequest) -> dict[str, NDArray]:
    """The buffers that the host fills, by name. Raises ``LpmError`` (E0776)."""
    refuse_hazards(request.model, request.parameters, request.world.counts)
    host = Host(program, request)
    filled = {b.name: host.values(b) for b in program.buffers}
    return {name: values for name, values in filled.items() if values is not None}


@dataclass(slots=True)
class Host:
    """A program and the run whose buffers are filled, with what several buffers share."""

    program: Program
    request: RunRequest
    _turned: dict[str, Ties] = field(default_factory=dict)
    _members: dict[tuple[str, str], tuple[NDArray, NDArray]] = field(default_factory=dict)

    def values(self, buffer: Buffer) -> NDArray | None:
        """Contents of a buffer before the run; None: its fill, or nothing that this host knows of."""
        request, model, world = self.request, self.request.model, self.request.world
        match buffer.filled:
            case Constants():
                scope = Scope(model, request.parameters, counts=world.counts)
                values = [evaluate(c.expression, scope) for c in self.program.constants]  # type: ignore[arg-type]
                return np.array(values, np.float64)
            case TableValues(table):
                return np.array(model.table(table).values, np.float64)
            case Quantiles():
                return self._quantiles(next(q for q in self.program.quantiles if q.buffer == buffer.name))
            case Column(kind, attribute):
                column = world.attributes.get((kind, attribute))
                return column.copy() if column is not None and buffer.role == "state" else column
            case StartStates(condition):
                return request.start[condition].copy() if condition in request.start else None
            case TieOffsets(network, is_turned):
                return self._ties(network, is_turned).offsets
            case TieTargets(network, is_turned):
                return self._ties(network, is_turned).targets
            case TieColumn(network, column):
                return world.ties[network].columns[column]
            case CircleKeys(network):
                circles = world.circles[network]
                draws = -(-request.steps // circles.every) if circles.every else 1
                return keys_of_draws(circles, draws) if circles.every else circles.keys
            case CircleDegree(network):
                return np.array([2 * len(world.circles[network].keys)])
            case MemberRows(kind, place):
                return self._members_of(kind, place)[0]
            case Members(kind, place):
                return self._members_of(kind, place)[1]
            case OpenDays(name):
                return open_days(_network_or_rule(model, name), model, request.steps)
            case LeftOut(name):
                return np.array([name in request.disabled], np.int64)
            case MonthsPassed():
                return np.array(months_passed(model.clock, request.steps), np.int64)
            case DayTable():
                return np.array(day_table(model.clock, request.steps), np.int64)
            case LastBoundary():
                return np.array([request.steps], np.int64)
            case ByKernels() | StageNumbers() | StartChances() | ColumnChances() | Adjoint():
                return None
            case _:
                assert_never(buffer.filled)

    def _quantiles(self, table: QuantileTable) -> NDArray[np.int64]:
        law, request = table.distribution, self.request
        assert isinstance(law, Distribution)
        if table.slope_by:
            return quantile_slopes(law, request.model, request.parameters, table.slope_by)
        return quantile_table(law, request.model, request.parameters, request.model.clock.step)

    def _ties(self, network: str, is_turned: bool) -> Ties:
        ties = self.request.world.ties[network]
        if is_turned and network not in self._turned:
            self._turned[network] = turned(ties)
        return self._turned[network] if is_turned else ties

    def _members_of(self, kind: str, place: str) -> tuple[NDArray, NDArray]:
        if (kind, place) not in self._members:
            self._members[kind, place] = self.request.world.members(kind, place)
        return self._members[kind, place]


def _network_or_rule(model: Model, name: str) -> Network | Rule:
    return next(part for part in (*model.networks, *model.rules) if part.name == name)


def open_days(part: Network | Rule, model: Model, steps: int) -> NDArray[np.uint8]:
    """1 for the steps whose first day is one of the days of a network or a rule."""
    assert model.clock.start is not None
    first = datetime.date.fromisoformat(model.clock.start)
    days = [math.floor(t * model.clock.step + 1e-9) for t in range(steps)]
    weekend = np.array([(first.weekday() + day) % 7 >= 5 for day in days], bool)
    closed = part.closed if isinstance(part, Network) else ()
    shut = np.array([any(start <= day < end for start, end in closed) for day in days], bool)
    return ((weekend if part.days == "weekends" else ~weekend) & ~shut).astype(np.uint8)
