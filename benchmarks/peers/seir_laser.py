"""LASER's SEIR in one node: no ties at all, everyone meets everyone. What a step costs without a network."""

from __future__ import annotations

from importlib.metadata import version

import laser.core.distributions as laws
from laser.core import PropertySet
from laser.core.utils import grid
from laser.generic import SEIR
from laser.generic.model import Model
from shared import INFECTIOUS, LATENT, SEEDED, Clock, asked

BETA = 0.3937
"""A day: at which the final-size equation gives as many infected without a network as with ours, 78.9 %."""


def model_of(agents: int, days: int, seed: int) -> Model:
    scenario = grid(M=1, N=1, population_fn=lambda row, column: agents)
    scenario["I"] = int(SEEDED * agents)
    scenario["S"] = agents - scenario["I"]
    model = Model(scenario, PropertySet({"seed": seed, "nticks": days, "beta": BETA}))
    latent, ill = laws.constant_int(LATENT), laws.constant_int(INFECTIOUS)
    model.components = [
        SEIR.Susceptible(model), SEIR.Recovered(model), SEIR.Infectious(model, ill), SEIR.Exposed(model, latent, ill),
        SEIR.Transmission(model, latent),
    ]  # fmt: skip
    return model


def main() -> None:
    options = asked()
    model_of(1_000, 20, 1).run("compiling")
    clock = Clock()
    model = model_of(options.agents, options.days, options.seed)
    clock.start()
    model.run("run")
    clock.stop()
    attack = 1 - float(model.nodes.S[-1].sum()) / options.agents
    clock.tell(options.agents, attack, f"laser-generic {version('laser-generic')}")


main()
