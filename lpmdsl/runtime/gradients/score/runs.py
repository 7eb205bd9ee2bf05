"""Runs that keep a ledger of their draws, and what the ledger gives: scores, and sums that are zero in the mean.

Glynn 1990, CACM 33:75, on likelihood ratios as derivatives. The ledger is a number of integers for every step, whatever
the number of agents; nothing is kept of the steps themselves.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.compiler import Compiled, compile_model, compile_scored
from lpmdsl.lowering.parts import moved_name
from lpmdsl.lowering.score.dwell_scores import StayScore, stay_score, unit_of
from lpmdsl.lowering.score.statistics import Decision, Ledger, Stay, Sum, shape
from lpmdsl.program import handles
from lpmdsl.runtime.engine.engines import threads_here
from lpmdsl.runtime.engine.execute import buffers_after, result_of
from lpmdsl.runtime.engine.kernels import Kernels, build
from lpmdsl.runtime.engine.replicates import Repeats, each_run
from lpmdsl.runtime.objective import Quantity
from lpmdsl.semantics.host.evaluate import Scope, evaluate, parameter_values
from lpmdsl.semantics.model import Expr, is_constant

Array = NDArray[np.float64]
UNIT = 2.0**-32


@dataclass(frozen=True, slots=True)
class Scored:
    """One replicate. Row 0 of each is the beginning, row t + 1 step t.

    ``values``: the reports of the observation, (reports,). ``score``: (steps + 1, parameters), and after them those
    along which dwell times are moved, once more: the score that is left then. ``controls``: sums that are zero in the
    mean whatever happened before, (steps + 1, controls); ``products``: what is expected of their product with the score
    of the same step, (steps + 1, controls, parameters as in the score).
    """

    values: Array
    score: Array
    controls: Array
    products: Array


@dataclass(slots=True)
class ScoredRepeats:
    """A model that is run again and again with a ledger, for the score by some parameters."""

    repeats: Repeats
    names: tuple[str, ...]
    compiled: Compiled = field(init=False)
    ledger: Ledger = field(init=False)
    kernels: Kernels = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        plain = compile_model(self.repeats.model, self.repeats.facts)
        self.compiled, self.ledger = compile_scored(plain, self.names, self.repeats.quantity.observation)
        self.kernels = build(self.compiled)

    @property
    def moved(self) -> tuple[int, ...]:
        """Places of those parameters that have a second score, along moved dwell times, after those of all."""
        return tuple(self.names.index(name) for name in self.ledger.moved)

    def runs(self, values: dict[str, float], replicates: range | None = None) -> list[Scored]:
        """One for each replicate, with some parameters at other values (base units)."""
        everything = parameter_values(self.repeats.model, values)
        reader = Reader(self.ledger, everything, self.names)
        wanted = replicates or range(self.repeats.plan.options.replicates)
        threads = threads_here(self.repeats.plan.options.threads)
        return each_run(lambda k: self._one(everything, k, reader), wanted, threads)

    def _one(self, parameters: dict[str, float], replicate: int, reader: Reader) -> Scored:
        request = self.repeats.request(parameters, replicate)
        after = buffers_after(self.kernels, request, None)
        if after.stopped is not None:
            raise after.stopped
        result = result_of(request, after.buffers, after.done, after.timings)
        reports = Quantity("", self.repeats.quantity.observation).of(request.model, result)
        return reader.read(reports, after.buffers, request.world.counts, request.steps + 1)


class Reader:
    """Turns the sums of a ledger into scores, controls and products, for given values of the parameters."""

    def __init__(self, ledger: Ledger, values: dict[str, float], names: tuple[str, ...]) -> None:
        self.ledger, self.values, self.names = ledger, values, names
        self.moved = tuple(moved_name(name) for name in ledger.moved)
        self.varying = {shape(e): k for k, e in enumerate(ledger.varying())}
        self.stays: dict[str, StayScore] = {
            s.name: stay_score(s, ledger.model, values, names) for s in ledger.stays.values()
        }

    def read(self, quantity: Array, buffers: dict[str, NDArray], counts: dict[str, int], rows: int) -> Scored:
        """Score, controls and products of a run from its buffers."""
        sums = {kind: buffers[handles.scored(kind)] for kind in self.ledger.columns}
        score = np.zeros((rows, len(self.names) + len(self.moved)))
        # Without a control nothing is taken away: one that is always zero.
        controls, products = [np.zeros(rows)], [np.zeros_like(score)]
        for decision in self.ledger.decisions.values():
            own, mixed = self._decision(decision, sums[decision.kind], buffers, counts, score)
            controls += own
            products += mixed
        for stay in self.ledger.stays.values():
            control, product = self._stay(stay, sums[stay.kind], score)
            controls.append(control)
            products.append(product)
        return Scored(quantity, score, np.stack(controls, 1), np.stack(products, 1))

    def _decision(
        self, decision: Decision, sums: NDArray, buffers: dict[str, NDArray], counts: dict[str, int], score: Array
    ) -> tuple[list[Array], list[Array]]:
        products = [np.zeros_like(score) for _ in decision.controls]
        for term in decision.terms:
            total = _sum(sums, term.score)
            expected = [_sum(sums, p) for p in term.products]
            for name, slope in term.slopes:
                k, times = self._columns(name), self._slope(slope, buffers, counts) / self._unit(name)
                score[:, k] += _times(times, total)[:, None]
                for product, what in zip(products, expected, strict=True):
                    product[:, k] += _times(times, what)[:, None]
        return [_sum(sums, c) for c in decision.controls], products

    def _columns(self, name: str) -> list[int]:
        """The scores that a factor's slope is a part of: of its parameter, and of that along moved times."""
        if name in self.moved:
            return [len(self.names) + self.moved.index(name)]
        again = [len(self.names) + self.moved.index(x) for x in (moved_name(name),) if x in self.moved]
        return [self.names.index(name), *again]

    def _unit(self, name: str) -> float:
        """That in which a run has counted how times are moved; 1 for all other slopes."""
        return unit_of(self.values[self.ledger.moved[self.moved.index(name)]]) if name in self.moved else 1.0

    def _slope(self, slope: Expr, buffers: dict[str, NDArray], counts: dict[str, int]) -> Array:
        if is_constant(slope):
            with np.errstate(all="ignore"):
                return np.asarray(evaluate(slope, Scope(self.ledger.model, self.values, counts=counts)))
        return buffers["slopes"][:, self.varying[shape(slope)]]

    def _stay(self, stay: Stay, sums: NDArray, score: Array) -> tuple[Array, Array]:
        known, product = self.stays[stay.name], np.zeros_like(score)
        control, own = np.zeros(len(score)), slice(len(self.names))
        for row in range(stay.rows):
            first = stay.first + row * stay.width
            entries = sums[:, first].astype(np.float64)
            told = sums[:, first + 1 : first + stay.width].astype(np.float64)
            told[:, 1:] *= UNIT
            centred = told - entries[:, None] * known.means[row]
            score[:, own] += centred @ known.slopes[row]
            control += centred[:, 0]
            product[:, own] += entries[:, None] * (known.products[row] @ known.slopes[row])
        return control, product


def _sum(sums: NDArray, of: Sum) -> Array:
    total = sum((sign * sums[:, column] for column, sign in of), np.zeros(len(sums), np.int64))
    return np.asarray(total, np.float64) * UNIT


def _times(slope: Array, total: Array) -> Array:
    """A slope that is no number (a report that is not there yet, a factor of 0) matters where anything was drawn."""
    return np.where(total == 0, 0.0, slope * total)
