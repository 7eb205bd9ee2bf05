"""Covasim: one random layer drawn anew every day, no symptoms, no variation between people; its step is a day."""

from __future__ import annotations

import math

import covasim as cv
from steps_shared import asked, tell

CONTACTS = 10


def fixed(days: float) -> dict:
    return {"dist": "uniform", "par1": days, "par2": days}


def main() -> None:
    o = asked()
    sim = cv.Sim(
        pop_size=o.agents, pop_type="random", pop_infected=o.first, n_days=o.days, rand_seed=o.seed, verbose=0,
        beta=1 - math.exp(-o.beta / CONTACTS), beta_dist={"dist": "uniform", "par1": 1, "par2": 1}, use_waning=False,
        rescale=False, viral_dist={"frac_time": 0.5, "load_ratio": 1, "high_cap": o.infectious}, asymp_factor=1.0,
        contacts={"a": CONTACTS}, dynam_layer={"a": 1}, rel_symp_prob=0, prog_by_age=False,
    )  # fmt: skip
    sim["dur"]["exp2inf"], sim["dur"]["asym2rec"] = fixed(o.latent), fixed(o.infectious)
    sim.run()
    tell(sim.results["new_infections"].values[1:], o.hours, f"covasim {cv.__version__}")


main()
