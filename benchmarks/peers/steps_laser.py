"""LASER's SEIR or SIR in one node; a tick is a step, and times are whole numbers of ticks."""

from __future__ import annotations

from importlib.metadata import version

import laser.core.distributions as laws
import numpy as np
from laser.core import PropertySet
from laser.core.utils import grid
from laser.generic import SEIR, SIR
from laser.generic.model import Model
from steps_shared import asked, tell


def main() -> None:
    o = asked()
    ticks = 24 // o.hours
    scenario = grid(M=1, N=1, population_fn=lambda row, column: o.agents)
    scenario["I"], scenario["S"] = o.first, o.agents - o.first
    model = Model(scenario, PropertySet({"seed": o.seed, "nticks": o.days * ticks, "beta": o.beta / ticks}))
    ill = laws.constant_int(round(o.infectious * ticks))
    if o.latent:
        late = laws.constant_int(round(o.latent * ticks))
        model.components = [
            SEIR.Susceptible(model), SEIR.Recovered(model), SEIR.Infectious(model, ill),
            SEIR.Exposed(model, late, ill), SEIR.Transmission(model, late),
        ]  # fmt: skip
    else:
        model.components = [
            SIR.Susceptible(model), SIR.Recovered(model), SIR.Infectious(model, ill), SIR.Transmission(model, ill),
        ]  # fmt: skip
    model.run("run")
    tell(-np.diff(model.nodes.S.sum(axis=1)), o.hours, f"laser-generic {version('laser-generic')}")


main()
