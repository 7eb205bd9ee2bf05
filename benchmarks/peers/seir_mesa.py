"""Mesa: an object for every agent, each asked in every step."""

from __future__ import annotations

import mesa as package
from shared import CHANCE, INFECTIOUS, LATENT, SEEDED, Clock, asked, random_pairs


class Person(package.Agent):
    """Infected on a day, or never (None); neighbours are other persons."""

    def __init__(self, model: package.Model) -> None:
        super().__init__(model)
        self.infected_on: int | None = None
        self.neighbours: list[Person] = []

    def step(self) -> None:
        if self.infected_on is None:
            return
        age = self.model.day - self.infected_on - LATENT
        if 0 < age <= INFECTIOUS:
            for other in self.neighbours:
                if other.infected_on is None and self.random.random() < CHANCE:
                    other.infected_on = self.model.day


class Town(package.Model):
    """A population on a random network."""

    def __init__(self, agents: int, seed: int) -> None:
        super().__init__(seed=seed)
        self.day = 0
        people = list(Person.create_agents(self, agents))
        for a, b in zip(*random_pairs(agents, seed), strict=True):
            people[a].neighbours.append(people[b])
            people[b].neighbours.append(people[a])
        for person in self.random.sample(people, int(SEEDED * agents)):
            person.infected_on = -LATENT - 1

    def one_day(self) -> None:
        self.agents.do("step")
        self.day += 1


def main() -> None:
    options, clock = asked(), Clock()
    town = Town(options.agents, options.seed)
    clock.start()
    for _ in range(options.days):
        town.one_day()
    clock.stop()
    ever = sum(person.infected_on is not None for person in town.agents)
    clock.tell(options.agents, ever / options.agents, f"mesa {package.__version__}")


main()
