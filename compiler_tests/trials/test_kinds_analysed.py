"""More of each kind of what `lpmc analyse` once had wrong: R0 and growth, each against arithmetic written here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

import lpmdsl
from compiler_tests.support.probes import EXPONENTIAL, FIXED, TOWN, analysed, caught, radius, share_of_women, text
from lpmdsl.diagnostics import LpmError
from lpmdsl.insight.summary import as_text

# ------------------------------------------------------------------ R0


R0 = {
    # Weekdays: contacts in a week, by hand.
    "weekdays beside all days": (text("from I on work, week at 0.03 per contact"), 0.03 * 5 * (50 / 7 + 4)),
    "weekdays and weekends": (
        text("from I on work at 0.03 per contact;from I on rest at 0.06 per contact"), 5 * (1.5 + 0.48) / 7,
    ),
    "two states on days of their own": (
        text("from I on work at 0.03 per contact;from H on rest at 0.03 per contact",
             "from I after fixed(2 days) to H;from H at rate 0.25 per day to R"),
        0.3 * 2 * 5 / 7 + 0.12 * 4 * 2 / 7,
    ),
    "ties on weekdays, ill for a week": (
        text("from I on days at 0.2 per day", "from I after fixed(7 days) to R"), 5 * caught(1.0),
    ),
    "scaled on weekdays": (
        text("from I on work, week at 0.05 per contact;target scaled by 0.5 on work"), 0.25 * (25 / 7 + 4),
    ),
    # An `after` beside rates: ∫ of the product of the survival functions, closed.
    "two rates beside a gamma time": (
        text(TOWN, "from I at rate 0.05 per day to H;"
             "from I after gamma(shape 3, rate 0.5 per day) to R;from I at rate 0.05 per day to R;"
             "from H after fixed(1 day) to R"),
        4 * (1 - (0.5 / 0.6) ** 3),
    ),
    "a uniform time beside a rate": (
        text(TOWN, "from I at rate 0.1 per day to R;from I after uniform(2 days, 6 days) to R"),
        4 * (1 - (math.exp(-0.2) - math.exp(-0.6)) / 0.4),
    ),
    "a latent time beside a rate": (
        text(TOWN, f"from E after fixed(3 days) to I;from E at rate 0.1 per day to R;{EXPONENTIAL}"),
        2 * math.exp(-0.3),
    ),
    "on ties": (text("from I on ties at 0.1 per day", f"{FIXED};from I at rate 0.1 per day to R"), 2.5 * caught(1.0)),
    # A rate of nothing beside a time; a rate of nothing alone is below.
    "a rate that is nothing": (text(TOWN, f"{FIXED};from I at rate none to R"), 2.0),
    "a rate of 0": (text(TOWN, f"{FIXED};from I at rate 0 per day to R"), 2.0),
    "those of rate 0 give nothing": (
        text("from I on town at (0.4 per day where sex is woman, 0 per day otherwise)",
             "from I at rate pace[sex] to R"),
        None,
    ),
    # Circles: visits are 1/(1 − the chance of coming back).
    "there and back": (
        text(TOWN, "from I at rate 0.2 per day to H;from H at rate 0.3 per day to I;"
             "from H at rate 0.1 per day to R"), 0.4 * 5 / (1 - 0.75),
    ),
    "there and back after fixed times": (
        text(TOWN, "from I after fixed(2 days);  to H with probability 50 %;  to R otherwise;"
             "from H after fixed(3 days);  to I with probability 80 %;  to R otherwise"), 0.8 / (1 - 0.4),
    ),
    "a thousand times there and back": (
        text(TOWN, "from I at rate 1 per day to H;from H at rate 1 per day to I;"
             "from I at rate 0.001 per day to R"), 400.0,
    ),
    # On a tie: 1/3 at once, else 2/3·3/4 back, so p = 1/3 + p/2.
    "there and back on ties": (
        text("from I on ties at 0.1 per day", "from I at rate 0.2 per day to H;from H at rate 0.3 per day to I;"
             "from H at rate 0.1 per day to R"), 5 * 2 / 3,
    ),
    # Ties, one after the other infectious and less so; either way.
    "ties of two states": (
        text("from I on ties at 0.1 per day;from H on ties at 0.05 per day",
             "from I after fixed(5 days) to H;from H after fixed(4 days) to R"), 5 * caught(0.7),
    ),
    "ties of one state or the other": (
        text("from I on ties at 0.1 per day;from H on ties at 0.05 per day",
             "from E after fixed(1 day);  to I with probability 60 %;  to H otherwise;"
             "from I, H after fixed(5 days) to R"),
        5 * (0.6 * caught(0.5) + 0.4 * caught(0.25)),
    ),
    "homes at weekends": (
        text("from I on homes at 0.2 per contact", "from I after fixed(14 days) to R").replace(
            "per day per tie", "per day per tie on weekends"), 2 * caught(0.8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", R0)
def test_r0_is_that_of_the_arithmetic(name: str) -> None:
    written, exact = R0[name]
    found = analysed(written).conditions[0]
    assert found.reproduction is not None
    if exact is None:  # women alone give anything, half of all as the world has them: 0.4 · 5 · their share
        exact = 2 * share_of_women(written)
    assert found.reproduction.value == pytest.approx(exact, rel=1e-9)
    assert found.formula is not None or found.no_formula


GROUPS = {
    # A half each, drawn: within 2 % of the matrix of halves.
    "source scaled": (
        text("from I on ties at 0.1 per day;source scaled by 3 where sex is woman", FIXED),
        2.5 * (caught(1.5) + caught(0.5)),
    ),
    "by a rate of the source": (
        text("from I on ties at (0.2 per day where sex is woman, 0.1 per day otherwise)", FIXED),
        2.5 * (caught(1.0) + caught(0.5)),
    ),
    "an exponential time": (
        text("from I on ties at 0.1 per day;target scaled by 2 where sex is woman"), 2.5 * (0.2 / 0.4 + 0.1 / 0.3),
    ),
    "on one of two graphs": (
        text("from I on ties, more at 0.1 per day;target scaled by 2 where sex is woman on ties", FIXED),
        radius([[2.5 * (caught(1.0) + caught(0.5)), 3 * (caught(1.0) + caught(0.5))],
                [4 * caught(0.5), 3 * caught(0.5)]]),
    ),
    "in homes": (
        text("from I on homes at 0.1 per contact;target scaled by 2 where sex is woman", FIXED),
        caught(1.0) + caught(0.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GROUPS)
def test_r0_where_people_of_a_graph_differ(name: str) -> None:
    written, exact = GROUPS[name]
    found = analysed(written).conditions[0].reproduction
    assert found is not None and found.value == pytest.approx(exact, rel=0.02)


def test_states_in_a_circle_of_three_grow_as_their_matrix() -> None:
    """Of I, E, H in turn, with exits of their own: R0 = β (−A)⁻¹, growth the largest eigenvalue of A with births."""
    written = text(
        "from I on town at 0.4 per day;from H on town at 0.2 per day",
        "from I at rate 0.3 per day to H;from I at rate 0.2 per day to R;from H at rate 0.1 per day to E;"
        "from H at rate 0.3 per day to R;from E at rate 0.2 per day to I;from E at rate 0.1 per day to R",
    ).replace("contagion to E", "contagion to I")
    a = np.array([[-0.5, 0, 0.2], [0.3, -0.4, 0], [0, 0.1, -0.3]])
    beta = np.array([0.4, 0.2, 0])
    found = analysed(written).conditions[0]
    assert found.reproduction is not None and str(found.formula) == "11/9"
    assert found.reproduction.value == pytest.approx(float((beta @ np.linalg.inv(-a))[0]), rel=1e-9)
    assert found.reproduction.growth == pytest.approx(
        radius((a + np.array([beta, 0 * beta, 0 * beta])).tolist()), rel=1e-7
    )


# ------------------------------------------------------------------ never left


ENDLESS = {
    "at a rate of nothing": ("from I at rate none to R", "I", 0.4),
    "with a chance of nothing": ("from I with probability 0 % every 1 day to R", "I", 0.4),
    "by a table with a 0": ("from I at rate pace[sex] to R", "I", None),
    "at a rate of some": ("from I at rate (0 per day where sex is man, 0.2 per day otherwise) to R", "I", None),
    "by contagion alone": ("from I by contagion to R", "I", 0.4),
    "chronic in one of a hundred": (
        "from I after fixed(5 days);  to H with probability 1 %;  to R otherwise", "H", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_what_somebody_never_leaves_has_no_r0(name: str) -> None:
    """Growth: 0.4 where nobody leaves; half leave at 0.2, and 1 = 0.4·(½/r + ½/(r + 0.2)), by their shares."""
    course, state, growth = ENDLESS[name]
    spread = TOWN + (";from H on town at 0.01 per day" if state == "H" else "")
    found = analysed(text(spread, course))
    numbers = found.conditions[0].reproduction
    assert numbers is not None and math.isinf(numbers.value) and numbers.kept == state
    assert f"since some who are infectious never leave {state}" in "\n".join(as_text(found))
    assert found.conditions[0].formula is None
    if growth is not None:
        assert numbers.growth == pytest.approx(growth, rel=1e-6)
    elif state == "I":
        women = share_of_women(text(spread, course))
        exact = brentq(lambda r: 0.4 * (women / (r + 0.2) + (1 - women) / r) - 1, 0.01, 1)  # type: ignore[arg-type]
        assert numbers.growth == pytest.approx(exact, rel=1e-6)


def test_the_removed_infect_nobody() -> None:
    """Chronic and removed: as if they were none, and reported if they alone spread somewhere."""
    course = "from I after fixed(5 days);  to H with probability 1 %;  to R otherwise;removed in H"
    found = analysed(text("from I, H on town at 0.4 per day", course)).conditions[0].reproduction
    assert found is not None and found.value == pytest.approx(2.0)
    with pytest.raises(LpmError, match=r"E0619.*those in H are removed"):
        lpmdsl.load(text(TOWN + ";from H on town at 0.01 per day", course))
