"""Score of the chances of rules: derivatives of means that are known in closed form, |z| < 3.5, and what is refused."""

from __future__ import annotations

import pytest

import lpmdsl
from lpmdsl.diagnostics import LpmError

TEXT = """\
model chances version 1.0
clock
  step 1 day
  for 4 days
parameter p = 20 %
parameter level = 0.5
agent Person count 300
  x number = 0
  y number = 0
  heard yes/no = no
network ring joins Person as small_world(degree 4, rewiring 0)
condition Flu of Person
  states S, I
  start S
  from S at rate 0.3 per day to I
RULES
observe xs = sum of x over Person every day
observe ys = sum of y over Person every day
observe heard_it = count of Person where heard every day
"""
PEOPLE, STEPS, P = 300, 4, 0.2


def loaded(rules: str) -> lpmdsl.LoadedModel:
    return lpmdsl.load(TEXT.replace("RULES", rules))


CASES = {
    # Mean of the quantity, its derivative by p.
    "a paragraph": ("rule a of Person\n  with probability p\n    add 1 to x", "final of xs",
                    PEOPLE * STEPS * P, PEOPLE * STEPS),
    "an action": ("rule a of Person\n  always\n    add 2 to x with probability p * p", "final of xs",
                  2 * PEOPLE * STEPS * P**2, 4 * PEOPLE * STEPS * P),
    "each of some": ("rule a of Person\n  each of ring with probability p\n    add 1 to their.y", "final of ys",
                     4 * PEOPLE * STEPS * P, 4 * PEOPLE * STEPS),
    "both": ("rule a of Person\n  with probability p\n  and each of ring with probability p\n    add 1 to their.y",
             "final of ys", 4 * PEOPLE * STEPS * P**2, 8 * PEOPLE * STEPS * P),
    "otherwise": ("rule a of Person\n  with probability p\n    add 1 to y\n  otherwise with probability p\n"
                  "    add 1 to x", "final of xs", PEOPLE * STEPS * (P - P**2), PEOPLE * STEPS * (1 - 2 * P)),
    "ever": ("rule a of Person\n  where not heard with probability p\n    set heard to yes", "final of heard_it",
             PEOPLE * (1 - (1 - P) ** STEPS), PEOPLE * STEPS * (1 - P) ** (STEPS - 1)),
    "a block": ("intervention a\n  every 1 day for Person\n    with probability p\n      add 1 to x", "final of xs",
                PEOPLE * STEPS * P, PEOPLE * STEPS),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_the_score_of_chances_is_the_derivative_of_the_mean(case: str) -> None:
    rules, quantity, mean, slope = CASES[case]
    (found,) = loaded(rules).gradient(quantity, ["p"], replicates=300, estimator="score")
    assert found.estimator == "score"
    assert abs(found.gradient - slope) < 3.5 * found.se
    assert found.se < 0.1 * abs(slope)
    assert found.mean == pytest.approx(mean, rel=0.03)


ON_ENTERING = """\
  on entering I
    each of ring with probability level
      add 1 to their.y
"""


def test_the_score_counts_paragraphs_on_entering() -> None:
    """Whoever comes into I tells each of four with the chance level: E[ys] = 4 · level · E[number who came]."""
    text = TEXT.replace("RULES", ON_ENTERING.rstrip())
    (found,) = lpmdsl.load(text).gradient("final of ys", ["level"], replicates=300, estimator="score")
    assert abs(found.gradient - found.mean / 0.5) < 3.5 * found.se + 0.02 * found.gradient


REFUSED = [
    ("rule a of Person\n  where x < level\n    add 1 to x", "it is compared with something", 17),
    ("rule a of Person\n  always\n    add level to x", "what an attribute is set to", 18),
    ("rule a of Person\n  pick one of ring by weight level + their.x\n    add 1 to x", "who is met", 17),
    ("rule a of Person\n  every day for at most 5 Person highest x * level\n    add 1 to x", "who follows `a`", 17),
]


@pytest.mark.parametrize(("rules", "why", "line"), REFUSED)
def test_what_decides_without_a_chance_is_refused_with_its_line(rules: str, why: str, line: int) -> None:
    quantity = "final of xs"
    with pytest.raises(LpmError) as raised:
        loaded(rules).gradient(quantity, ["level"], replicates=4, estimator="score")
    said = [d.message for d in raised.value.report.diagnostics]
    assert any(why in one and f":{line})" in one for one in said), said
