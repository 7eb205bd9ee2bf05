"""mesa-frames: the rule of ``benchmarks/listen.lpm`` as a join over ties and a mean over groups."""

from __future__ import annotations

import mesa_frames as package
import numpy as np
import polars as pl
from listen_shared import asked, ring_with_shortcuts, told


class People(package.AgentSetPolars):
    """A table with a row for every person; ties are another table, of both directions and to oneself."""

    def __init__(self, model: package.ModelDF, agents: int, seed: int) -> None:
        super().__init__(model)
        opinion = np.random.default_rng(seed).random(agents)
        self.add(pl.DataFrame({"unique_id": np.arange(agents), "opinion": opinion}))
        offsets, targets = ring_with_shortcuts(agents, seed)
        own = np.repeat(np.arange(agents), np.diff(offsets.astype(np.int64)))
        self.ties = pl.DataFrame(
            {"unique_id": np.concatenate([own, np.arange(agents)]),
             "other": np.concatenate([targets.astype(np.int64), np.arange(agents)])}
        )  # fmt: skip

    def step(self) -> None:
        others = self.agents.select(other="unique_id", theirs="opinion")
        means = self.ties.join(others, on="other").group_by("unique_id").agg(pl.col("theirs").mean())
        new = self.agents.join(means, on="unique_id", how="left", maintain_order="left")["theirs"]
        self["opinion"] = new


class Town(package.ModelDF):
    """A population."""

    def __init__(self, agents: int, seed: int) -> None:
        super().__init__(seed)
        self.people = People(self, agents, seed)
        self.agents += self.people


def main() -> None:
    options = asked()
    town = Town(options.agents, options.seed)

    def run() -> np.ndarray:
        for _ in range(options.steps):
            town.agents.do("step")
        return next(iter(town.agents._agentsets)).agents["opinion"].to_numpy()

    told(run, f"mesa-frames {package.__version__}", repeat=1)


main()
