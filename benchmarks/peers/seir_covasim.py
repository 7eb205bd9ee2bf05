"""Covasim with one static random layer, no symptoms, no variation between people: the same SEIR."""

from __future__ import annotations

import covasim as cv
from shared import CHANCE, DEGREE, INFECTIOUS, LATENT, SEEDED, Clock, asked


def fixed(days: int) -> dict:
    return {"dist": "uniform", "par1": days, "par2": days}


def sim_of(agents: int, days: int, seed: int) -> cv.Sim:
    sim = cv.Sim(
        pop_size=agents, pop_type="random", pop_infected=int(SEEDED * agents), n_days=days, rand_seed=seed, verbose=0,
        beta=CHANCE, beta_dist={"dist": "uniform", "par1": 1, "par2": 1}, use_waning=False, rescale=False,
        viral_dist={"frac_time": 0.5, "load_ratio": 1, "high_cap": INFECTIOUS}, asymp_factor=1.0,
        contacts={"a": DEGREE}, rel_symp_prob=0, prog_by_age=False,
    )  # fmt: skip
    sim["dur"]["exp2inf"], sim["dur"]["asym2rec"] = fixed(LATENT), fixed(INFECTIOUS)
    sim.initialize()
    return sim


def main() -> None:
    options = asked()
    sim_of(2_000, 20, 1).run()
    clock = Clock()
    sim = sim_of(options.agents, options.days, options.seed)
    clock.start()
    sim.run()
    clock.stop()
    clock.tell(options.agents, float(1 - sim.people.susceptible.mean()), f"covasim {cv.__version__}")


main()
