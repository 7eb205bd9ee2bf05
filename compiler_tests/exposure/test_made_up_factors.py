"""Factors of exposure that is made up in the next step: the source's are of the step in which it was missed, the
target's of that in which it is met. On every back end.

Six in a row, the first infectious, at a thousand a day along each tie. In the first step the second is infected in
the first look and the third in the second look; what that one weighed till the end is made up in the next step, for the
fourth, who infects the fifth in the second look of that step.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from compiler_tests.support import builders as b
from compiler_tests.support.both_backends import BACKENDS, runner
from lpmdsl.quantities import NUMBER
from lpmdsl.semantics.model import ByContagion, Model, Time

ROW = 6


def in_a_row(end: Literal["source", "target"] | None, since: float, before: float) -> Model:
    """Infection at once and for good; a factor at one end that is ``since`` from the second day on, else ``before``."""
    c = b.condition("Flu", "S I", b.leave(0, ByContagion(), 1))
    later = b.apply("ge", Time(NUMBER, b.NOWHERE), 1.0)
    factor = b.scaling(end, b.apply("select", later, since, before)) if end else None
    return b.model(
        2,
        conditions=(c,),
        networks=(b.network("row", "ties"),),
        contagions=(b.contagion("Flu", (1, "row", 1000.0), scalings=(factor,) if factor else ()),),
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("end", "since", "infected"), [
    (None, 1.0, 5), ("source", 0.0, 4), ("target", 0.0, 3), ("target", 1.0, 5),
])  # fmt: skip
def test_the_end_of_a_factor_says_of_which_step_it_is(
    end: Literal["source", "target"] | None, since: float, infected: int, backend: str
) -> None:
    model = in_a_row(end, since, 1.0)
    pairs = b.ties(ROW, [(k, k + 1) for k in range(ROW - 1)])
    request = b.request(model, ROW, start={"Flu": np.eye(ROW)[0]}, ties={"row": pairs})
    assert runner(model, backend)(request).states["Flu"].tolist() == [1] * infected + [0] * (ROW - infected)
