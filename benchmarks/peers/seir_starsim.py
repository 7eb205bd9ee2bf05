"""Starsim: its SEIR disease on a static network of its own."""

from __future__ import annotations

import numpy as np
import starsim as ss
from shared import CHANCE, INFECTIOUS, LATENT, SEEDED, Clock, asked, random_pairs


class Ties(ss.Network):
    """A network whose ties are given once."""

    def __init__(self, agents: int, seed: int) -> None:
        super().__init__()
        self.ends = random_pairs(agents, seed)

    def init_post(self) -> None:
        super().init_post()
        a, b = self.ends
        self.append({"p1": ss.uids(a), "p2": ss.uids(b), "beta": np.ones(len(a), np.float32)})

    def step(self) -> None:
        return


def sim_of(agents: int, days: int, seed: int) -> ss.Sim:
    disease = ss.SEIR(
        beta=ss.probperday(CHANCE),
        init_prev=ss.bernoulli(p=SEEDED),
        dur_exp=ss.constant(ss.days(LATENT)),
        dur_inf=ss.constant(ss.days(INFECTIOUS)),
        p_death=ss.bernoulli(p=0),
    )
    sim = ss.Sim(n_agents=agents, start="2024-01-01", dur=ss.days(days), dt=ss.days(1), rand_seed=seed, verbose=0,
                 diseases=disease, networks=Ties(agents, seed))  # fmt: skip
    return sim.init()


def main() -> None:
    options = asked()
    sim_of(1_000, 20, 1).run()  # compiles what Numba compiles
    clock = Clock()
    sim = sim_of(options.agents, options.days, options.seed)
    clock.start()
    sim.run()
    clock.stop()
    clock.tell(options.agents, float(1 - sim.diseases[0].susceptible.values.mean()), f"starsim {ss.__version__}")


main()
