"""Notes of values that a run finds to be no number in their range, with the boundary at which they were read."""

from __future__ import annotations

import torch
from torch import Tensor

from lpmdsl.reference.expressions import Moment, evaluate, over_agents
from lpmdsl.semantics.analysis.watched_values import FAULTS, LARGEST, Role, Watched, excuses
from lpmdsl.semantics.model import Expr


def look_at(expr: Expr, role: Role, values: Tensor, chosen: Tensor, kind: str, moment: Moment) -> None:
    """Notes the faults of an expression whose ``values`` for every agent of ``kind`` are read for the ``chosen``.

    What has no number because something that it reads has none yet is no fault.
    """
    one = moment.watched.get((expr, role))
    if one is None:
        return
    low, high = one.range
    read = values.expand(moment.counts[kind])[chosen]
    wrong = (read > high) if role == "hazard" else ~((read >= low) & (read <= high))
    if not bool(wrong.any()):
        return
    for part in excuses(expr):
        wrong = wrong & ~(torch.isnan(read) & torch.isnan(over_agents(part, kind, moment)[chosen]))
    _note(one, read[wrong], moment)


def look_at_number(expr: Expr, role: Role, moment: Moment) -> None:
    """The same of what is one number for all."""
    value = evaluate(expr, moment).reshape(1)
    one = moment.watched.get((expr, role))
    if one is not None and not (one.range[0] <= float(value) <= one.range[1]):
        unknown = bool(torch.isnan(value)) and any(bool(torch.isnan(evaluate(e, moment))) for e in excuses(expr))
        _note(one, value[:0] if unknown else value, moment)


def _note(one: Watched, wrong: Tensor, moment: Moment) -> None:
    boundary = round(moment.time / moment.model.clock.step)
    low = one.range[0]
    code = torch.where(wrong < low, 2, 3)
    code = torch.where(wrong.abs() >= LARGEST, 1, code)
    code = torch.where(torch.isnan(wrong), 0, code)
    for fault in sorted(set(code.tolist())):
        moment.faults.setdefault((one, FAULTS[fault]), boundary)
