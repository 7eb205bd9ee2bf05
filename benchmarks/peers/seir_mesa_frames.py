"""mesa-frames: agents as rows of a polars table, a step as joins and groups over it."""

from __future__ import annotations

import mesa_frames as package
import numpy as np
import polars as pl
from shared import CHANCE, INFECTIOUS, LATENT, SEEDED, Clock, asked, random_pairs


class People(package.AgentSetPolars):
    """A table with a row for every person; ties are another table, of both directions."""

    def __init__(self, model: package.ModelDF, agents: int, seed: int) -> None:
        super().__init__(model)
        self.lucky = np.random.default_rng(seed)
        infected_on = np.full(agents, 10**6)
        infected_on[self.lucky.choice(agents, int(SEEDED * agents), replace=False)] = -LATENT - 1
        self.add(pl.DataFrame({"unique_id": np.arange(agents), "infected_on": infected_on}))
        a, b = random_pairs(agents, seed)
        self.ties = pl.DataFrame({"source": np.concatenate([a, b]), "target": np.concatenate([b, a])})

    def step(self) -> None:
        day, table = self.model.day, self.agents
        since = day - pl.col("infected_on") - LATENT
        ill = table.filter((since > 0) & (since <= INFECTIOUS)).select(source="unique_id")
        reached = self.ties.join(ill, on="source").group_by("target").len()
        draws = pl.Series(self.lucky.random(len(reached)))
        caught = reached.filter(draws < 1 - (1 - CHANCE) ** pl.col("len")).select(unique_id="target", now=pl.lit(day))
        new = table.join(caught, on="unique_id", how="left", maintain_order="left")["now"]
        self["infected_on"] = pl.Series(np.minimum(table["infected_on"], new.fill_null(10**6)))


class Town(package.ModelDF):
    """A population and the day."""

    def __init__(self, agents: int, seed: int) -> None:
        super().__init__(seed)
        self.day = 0
        self.people = People(self, agents, seed)
        self.agents += self.people


def main() -> None:
    options, clock = asked(), Clock()
    town = Town(options.agents, options.seed)
    clock.start()
    for town.day in range(options.days):
        town.agents.do("step")
    clock.stop()
    table = next(iter(town.agents._agentsets)).agents
    ever = float((table["infected_on"] < 10**6).mean())
    clock.tell(options.agents, ever, f"mesa-frames {package.__version__}")


main()
