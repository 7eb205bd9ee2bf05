"""More of each kind of what `lpmc analyse` once had wrong: shares that stop an outbreak, and states of several kinds of
agents, each against arithmetic written here."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq

import lpmdsl
from compiler_tests.support.probes import FIXED, TOWN, analysed, caught, radius, text
from lpmdsl.diagnostics import LpmError
from lpmdsl.insight.document import document

# ------------------------------------------------------------------ the share that stops it


def at_one(of) -> float:
    return float(brentq(lambda c: of(c) - 1, 0, 1, xtol=1e-13))  # type: ignore[arg-type]


DOSED = "target scaled by 0.2 where dosed"
LONGER = "from I after exponential(mean (2 days where dosed, 5 days otherwise)) to R"
STOPS = {
    "it shortens the illness too": (text(f"{TOWN};{DOSED}", LONGER), 1 / (2 - 0.2 * 0.8)),
    "recovery at a rate": (
        text(f"{TOWN};{DOSED}", "from I at rate (0.5 per day where dosed, 0.2 per day otherwise) to R"),
        1 / (2 - 0.2 * 0.8),
    ),
    "milder, and rarer": (
        text(TOWN + ";from H on town at 0.1 per day;target scaled by 0.5 where dosed",
             "from E after fixed(2 days);  to H with probability (80 % where dosed, 20 % otherwise);  to I otherwise;"
             "from I, H after exponential(mean 5 days) to R"),
        at_one(lambda c: (1 - c) * (0.8 * 2 + 0.2 * 0.5) + c * 0.5 * (0.2 * 2 + 0.8 * 0.5)),
    ),
    "at either end, on networks of their own": (
        text("from I on town at 0.2 per day;from I on work at 0.042 per contact;"
             "target scaled by 0.1 where dosed on work;source scaled by 0.5 where dosed on town"),
        at_one(lambda c: radius([[(1 - c) * (1 * s + 1.5) for s in (1, 0.5)], [c * (1 * s + 0.15) for s in (1, 0.5)]])),
    ),
    "homes, at the source": (
        text("from I on homes at 0.1 per contact;from I on town at 0.2 per day;"
             "source scaled by 0.2 where dosed", FIXED),
        at_one(lambda c: radius([
            [((2 if h else 3) * caught(0.5 * s) if here else s) * share for h in (1, 0) for s in (1, 0.2)]
            for here in (1, 0) for share in (1 - c, c)
        ])),
    ),
    "ties, at both ends": (
        text("from I on ties at 0.1 per day;source, target scaled by 0.5 where dosed", FIXED),
        at_one(lambda c: radius([
            [5 * share * caught(0.5 * s * t) for s in (1, 0.5)] for share, t in ((1 - c, 1), (c, 0.5))
        ])),
    ),
    "what raises it where it is not": (
        text("from I on town at 0.15 per day;target scaled by 2 where not dosed"), at_one(lambda c: 0.75 * (2 - c)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("now", [0.0, 0.6])
@pytest.mark.parametrize("name", STOPS)
def test_the_share_is_that_of_the_arithmetic(name: str, now: float) -> None:
    written, exact = STOPS[name]
    assert analysed(written, c=now).conditions[0].coverage.needed == {"dosed": pytest.approx(exact, rel=1e-7)}


# ------------------------------------------------------------------ several kinds of agents


KINDS = """\
model kinds version 1.0
clock
  step 1 day
  for 20 days
agent Human count 300
agent Fly count 600
agent Dog count 200
network bites joins Fly to Human at random with 1 contact per day
network barks joins Fly to Dog at random with 0.5 contacts per day
condition A of Human
  states S, I
  start S except 100 Human in I
  from S by contagion to I
  from I at rate 0.1 per day to S
condition B of Fly
  states C, D, E
  start C except 100 Fly in E
  from C by contagion to D
  from D at rate 1 per day to E
  from E at rate 0.2 per day to C
condition K of Dog
  states S, L, M, N, I
  start S except 20 Dog in I
  from S by contagion to L
  from L at rate 1 per day to M
  from M at rate 1 per day to N
  from N at rate 1 per day to I
  from I at rate 0.05 per day to S
contagion of A
  from E on bites at 0.1 per contact
contagion of B
  from I on bites at 0.2 per contact
  from I on barks at 0.3 per contact
contagion of K
  from E on barks at 0.4 per contact
observe i = count of Human where A is I every day
"""


def test_three_kinds_have_one_r0_and_names_of_their_own() -> None:
    """R0² = bites to and fro (0.1·5 · 0.2·2·10) + barks to and fro (0.4·0.5·5 · 0.3·1.5·20) = 11."""
    loaded, found = lpmdsl.load(KINDS), analysed(KINDS)
    for one in found.conditions:
        assert one.reproduction is not None and one.reproduction.value == pytest.approx(math.sqrt(11))
    shown = document(loaded.model, loaded.source, found, {})
    assert all(f'<td class="name">{state}</td>' in shown for state in ("E", "I"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        # M has the number that E of the flies has: what is said of it is said of dogs.
        ("  from L at rate 1 per day to M\n", "  from L at rate 1 per day to N\n", "E0501.*reach `M`"),
        ("states S, I\n", "states S, I, E\n", "E0501.*reach `E`"),
        ("  from D at rate 1 per day to E\n", "", "E0509.*spreads from `E`"),
    ],
)
def test_a_state_that_nobody_reaches_is_told_of_its_own_kind(old: str, new: str, told: str) -> None:
    with pytest.raises(LpmError, match=told):
        lpmdsl.load(KINDS.replace(old, new).replace("C except 100 Fly in E", "C except 100 Fly in D"))
