"""The table of network generators: a new one is one function and one row here.

A row names its function, which is imported when a network is made: the checker reads this table too, and must not wait
for them.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lpmdsl.networks.world import Arguments, Ties

Generate = Callable[[int, Arguments, int, int], Ties]
"""(n, arguments, seed, site) → Ties."""

ArgumentKind = Literal["number", "share", "yes/no", "degrees", "blocks"]
"""``number``, ``share`` and ``yes/no`` are expressions of parameters. ``degrees``: a distribution or a one-column table
of shares by degree, one degree drawn per agent; or a formula of an agent's attributes. ``blocks``: a table by one
category attribute twice, the mean number of ties of one agent of the row's group with the column's group; the generator
gets ``groups`` beside it."""


APART = 0.05
"""Share by which the two counts of the same ties may differ; a model is run with their mean."""

Directed = Literal["", "pairs", "newcomers", "drawn"]
DIRECTED: dict[Directed, str] = {
    "pairs": "each ordered pair is tied independently, so two may be tied both ways",
    "newcomers": "each tie leads from the newcomer to whom it ties to",
    "drawn": "each agent has as many ties to others as are drawn; each leads to anybody else, all alike",
}
"""Ways in which a generator gives directions to its ties, and what is drawn."""


@dataclass(frozen=True, slots=True)
class GeneratorArgument:
    """``default`` None: must be written, unless the generator lists it in ``one_of``."""

    name: str
    kind: ArgumentKind
    help: str
    default: float | None = None


@dataclass(frozen=True, slots=True)
class NetworkGenerator:
    """One row: ``one_of`` names arguments of which exactly one is written, ``optional`` those that may be left out.

    ``made_by``: the module of ``lpmdsl.networks`` that holds the function of the row's name.
    ``expected_degree``: about how many ties an agent has, to foresee memory. ``agents_alike``: an agent's number says
    nothing about its ties, so households may be given to consecutive agents without making neighbours kin.
    ``directed``: how its ties get a direction where that is asked for; "": they have none. ``redrawn``: they are worked
    out when they are asked for, so they may be others after a while.
    """

    name: str
    arguments: tuple[GeneratorArgument, ...]
    made_by: Literal["random_graphs", "regular_graphs", "random_regular", "walks"]
    expected_degree: Callable[[int, Arguments], float]
    help: str
    one_of: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    agents_alike: bool = False
    directed: Directed = ""
    redrawn: bool = False

    def argument(self, name: str) -> GeneratorArgument | None:
        """The argument of that name, if there is one."""
        return next((a for a in self.arguments if a.name == name), None)

    @property
    def function(self) -> Generate:
        """The function that makes the network, imported at its first use."""
        return getattr(importlib.import_module(f"lpmdsl.networks.{self.made_by}"), self.name)


def _degree(n: int, arguments: Arguments) -> float:
    """From whichever argument says how many ties there are."""
    if "degree" in arguments:
        return float(np.mean(arguments["degree"]))
    if "links" in arguments:
        return 2.0 * float(np.mean(arguments["links"]))
    return float(np.mean(arguments["probability"])) * n


DEGREE = GeneratorArgument("degree", "number", "mean number of ties of one agent")

NETWORKS: dict[str, NetworkGenerator] = {
    row.name: row
    for row in (
        NetworkGenerator(
            "small_world",
            (DEGREE, GeneratorArgument("rewiring", "share", "chance that a tie of the ring leads somewhere else")),
            "random_graphs",
            _degree,
            "A ring with some ties rewired (Watts & Strogatz 1998).",
        ),
        NetworkGenerator(
            "scale_free",
            (DEGREE, GeneratorArgument("links", "number", "ties that each newcomer brings, half the mean degree")),
            "random_graphs",
            _degree,
            "Newcomers tie to whom many know (Barabási & Albert 1999).",
            one_of=("degree", "links"),
            directed="newcomers",
        ),
        NetworkGenerator(
            "walk",
            (GeneratorArgument("further", "share", "chance that a newcomer meets one more, a friend of the last"),),
            "walks",
            lambda n, arguments: 2.0 / max(1.0 - float(np.mean(arguments["further"])), 2.0**-8),
            "Newcomers meet somebody at random, then friends of friends (Vázquez 2003).",
            directed="newcomers",
        ),
        NetworkGenerator(
            "erdos_renyi",
            (DEGREE, GeneratorArgument("probability", "share", "chance that a pair is tied")),
            "random_graphs",
            _degree,
            "Every pair tied independently (Gilbert 1959).",
            one_of=("degree", "probability"),
            agents_alike=True,
            directed="pairs",
        ),
        NetworkGenerator(
            "configuration",
            (GeneratorArgument("degrees", "degrees", "a distribution of the number of ties, or everybody's own"),),
            "random_graphs",
            lambda n, arguments: float(np.mean(arguments["degrees"])),
            "Given degrees, otherwise at random; ties to oneself and doubles are dropped.",
            agents_alike=True,
            directed="drawn",
        ),
        NetworkGenerator(
            "stochastic_block",
            (GeneratorArgument("ties", "blocks", "mean number of ties of the row's group with the column's"),),
            "random_graphs",
            lambda n, arguments: float(np.max(np.sum(arguments["ties"], axis=1))),
            "Chances of a tie set by the groups of the two (Holland et al. 1983).",
            agents_alike=True,
            directed="pairs",
        ),
        NetworkGenerator(
            "random_regular",
            (DEGREE,),
            "random_regular",
            _degree,
            "Everyone has as many ties, otherwise at random; takes no memory where there is none (Wormald 1999).",
            agents_alike=True,
            redrawn=True,
        ),
        NetworkGenerator(
            "complete",
            (),
            "regular_graphs",
            lambda n, arguments: float(n),
            "Everyone knows everyone.",
            agents_alike=True,
        ),
        NetworkGenerator(
            "lattice",
            (
                GeneratorArgument("width", "number", "agents in a row"),
                GeneratorArgument("height", "number", "rows; as many as the agents fill if left out"),
                GeneratorArgument("neighbours", "number", "4 (sides) or 8 (sides and corners)", 4.0),
                GeneratorArgument("wrapping", "yes/no", "the edges meet", 0.0),
            ),
            "regular_graphs",
            lambda n, arguments: float(np.mean(arguments["neighbours"])),
            "A rectangle, agent by agent and row by row.",
            optional=("height",),
        ),
        NetworkGenerator(
            "ring", (DEGREE,), "regular_graphs", _degree, "A circle, each tied to the nearest (circulant)."
        ),
    )
}


# ------------------------------------------------------------------ tables of blocks


def contradiction(
    means: NDArray[np.float64], sizes: NDArray[np.float64], drawn: bool
) -> tuple[int, int, float, float] | None:
    """Two groups a, b and the ties between them as a's row and as b's row count them, if these cannot both be.

    ``sizes``: agents of each group, or their shares. ``drawn``: they are numbers that chance has moved.
    """
    flows = means * sizes[:, None]
    for a in range(len(sizes)):
        for b in range(a + 1, len(sizes)):
            one, other = float(flows[a, b]), float(flows[b, a])
            noise = 4 * math.sqrt(1 / max(sizes[a], 1) + 1 / max(sizes[b], 1)) if drawn else 0.0
            if abs(one - other) > (APART + noise) * max(one, other):
                return a, b, one, other
    return None
