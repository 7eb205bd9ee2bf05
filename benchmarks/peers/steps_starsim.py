"""Starsim: its SIR or SEIR disease, ten contacts drawn anew in every step; who starts is drawn by a chance."""

from __future__ import annotations

import math

import starsim as ss
from steps_shared import asked, tell

CONTACTS = 10


def main() -> None:
    o = asked()

    def stay(days: float):
        return ss.constant(ss.days(days)) if o.fixed else ss.expon(scale=ss.days(days))

    common = {
        "beta": ss.probperday(1 - math.exp(-o.beta / CONTACTS)), "init_prev": ss.bernoulli(p=o.first / o.agents),
        "dur_inf": stay(o.infectious), "p_death": ss.bernoulli(p=0),
    }  # fmt: skip
    disease = ss.SEIR(dur_exp=stay(o.latent), **common) if o.latent else ss.SIR(**common)
    network = ss.RandomNet(n_contacts=CONTACTS, dur=0)
    sim = ss.Sim(n_agents=o.agents, start="2024-01-01", dur=ss.days(o.days), dt=ss.days(o.hours / 24), rand_seed=o.seed,
                 verbose=0, diseases=disease, networks=network)  # fmt: skip
    sim.run()
    found = sim.diseases[0].results.new_infections.values
    tell(found[1:], o.hours, f"starsim {ss.__version__}")


main()
