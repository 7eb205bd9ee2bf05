"""The request to a back end and its result, the same for every back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.networks.world import World
from lpmdsl.semantics.model import Behaviour, Model
from lpmdsl.semantics.spans import word_span

Progress = Callable[[int], bool]
"""Called with the number of completed steps; returns False to stop early."""


@dataclass(frozen=True, slots=True)
class Archetype:
    """People who know the same: ``code`` is the mixed-radix number of ``labels`` (first slot most significant)."""

    code: int
    labels: tuple[str, ...]


Ask = Callable[[str, int, tuple[Archetype, ...]], NDArray[np.float64]]
"""(behaviour, step, occupied archetypes in order of their codes) → float64 (archetypes, columns).

yes/no and categories: the probability of each label, rows add up to 1 (yes/no: columns no, yes). Shares and
probabilities: one reply in each of ``asks`` columns. Raises ``LpmError`` to stop the run (too many fallbacks, a miss
in replay, a limit reached): it ends at that boundary and keeps what it had (``RunResult.stopped``).
"""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One replicate of one scenario.

    ``parameters``: every parameter's value in base units. ``start[condition]``: uint8 state of every agent at time 0.
    ``disabled``: interventions that never start and behaviours that do not decide. ``ask``: who answers for
    archetypes; needed by models with behaviours that ask.
    """

    model: Model
    world: World
    parameters: dict[str, float]
    start: dict[str, NDArray[np.uint8]]
    seed: int
    replicate: int
    steps: int
    disabled: frozenset[str] = frozenset()
    ask: Ask | None = None


def require_ask(request: RunRequest, asking: Sequence[Behaviour]) -> None:
    """Raises ``LpmError`` E0850 if behaviours ask and there is nobody to answer."""
    if request.ask is not None or not asking:
        return
    raise nobody_to_ask(asking[0])


def nobody_to_ask(behaviour: Behaviour) -> LpmError:
    """E0850: what to say where a behaviour asks and nobody is there."""
    return fail(
        "E0850",
        f"`{behaviour.name}` asks a language model, and none is given.",
        word_span(behaviour.span, behaviour.name),
        f"Say `--llm live`, `record` or `replay`; or run a scenario with `without {behaviour.name}` or with a "
        "behaviour `by rule`.",
    )


@dataclass(frozen=True, slots=True)
class RunResult:
    """``observations[name]``: float64 (reports, groups) in the observation's own unit; NaN where not reached.

    A level's report r is at time r·every (r = 0 is the start); a flow's report r covers (r·every, (r+1)·every]; a
    derived observation reports like the longest of its parts. ``watches[k]``: the value of the k-th ``check always``
    after every step (steps + 1 values, the first at the start; truth is 1.0). ``costs[intervention]``: money spent.
    ``states[condition]``: uint8 final states. ``steps_done`` < ``steps`` when stopped early; ``stopped``: why, if
    whoever is asked ended the run.
    """

    observations: dict[str, NDArray[np.float64]]
    watches: tuple[NDArray[np.float64], ...]
    costs: dict[str, float]
    states: dict[str, NDArray[np.uint8]]
    steps_done: int
    timings: dict[str, float] = field(default_factory=dict)
    stopped: LpmError | None = None
    ended: int | None = None
    """The boundary at which the clock's ``until`` ended the run; nothing was done in the steps from there on."""
