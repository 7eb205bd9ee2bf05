"""Claims of the model of a post that is passed on: the chance of each follower, and the share of new versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import lpmdsl
from compiler_tests.support.both_backends import request_of, runner
from compiler_tests.support.four_ways import same_four_ways

TEXT = (Path(__file__).parent.parent.parent / "models" / "cloned_network.lpm").read_text(encoding="utf-8")
CHANCES = np.array([[0.12, 0.04], [0.06, 0.25]])
"""By the taste of the reader, then of the one from whom the post comes, as the model says."""


def test_all_ways_pass_it_on_alike() -> None:
    result = same_four_ways(lpmdsl.load(TEXT.replace("count 20_000", "count 2_000")).model, None)
    assert result.observations["shares"].sum() > 30


def test_each_follower_shares_it_by_the_tastes_of_both() -> None:
    """1 000 writers: who is shown it by several shares it with 1 − ∏ (1 − p); a tenth have changed it; |z| < 4."""
    text = (
        TEXT.replace("except 20 User", "except 1_000 User")
        + "observe all_versions = sum of version over User every hour\n"
    )
    model = lpmdsl.load(text).model
    request = request_of(model, None, 7)
    found = runner(model, "cpu")(request).observations
    taste = request.world.attributes["User", "taste"].astype(int)
    writes = np.asarray(request.start["Post"]) == 1
    ties = request.world.ties["follows"]
    reader = np.repeat(np.arange(len(taste)), np.diff(ties.offsets))
    shown = writes[ties.targets] & ~writes[reader]
    missed = np.log1p(-CHANCES[taste[reader[shown]], taste[ties.targets[shown]]])
    chance = 1 - np.exp(np.bincount(reader[shown], missed, len(taste)))
    first = float(found["shares"].ravel()[1])
    assert abs(first - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
    changed = float(found["all_versions"].ravel()[2])
    assert abs(changed - 0.1 * first) < 4 * np.sqrt(0.09 * first)
