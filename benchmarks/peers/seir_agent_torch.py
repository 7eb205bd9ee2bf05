"""AgentTorch with the substeps of its own COVID model (new transmission, progression), on our network."""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import torch
from agent_torch.core.registry import Registry
from agent_torch.core.runner import Runner
from agent_torch.models.covid.substeps.new_transmission.transition import NewTransmission
from agent_torch.models.covid.substeps.seirm_progression.transition import SEIRMProgression
from shared import INFECTIOUS, LATENT, RATE, SEEDED, Clock, asked, random_pairs

torch.set_num_threads(1)
NEVER = 10_000
PEOPLE = "agents/citizens"


class Isolation(torch.nn.Module):
    """The choice that the transmission asks for: nobody stays at home."""

    def __init__(self, config: dict, *_: object) -> None:
        super().__init__()
        self.count = config["simulation_metadata"]["num_agents"]

    def forward(self, state: dict, observation: dict) -> dict:
        return {"isolation_decision": torch.zeros(self.count, 1)}


def value(name: str, tensor: torch.Tensor, learnable: bool = False) -> dict:
    """A variable of the configuration with a given start."""
    return {"name": name, "shape": list(tensor.shape), "dtype": "float", "learnable": learnable,
            "initialization_function": None, "value": tensor.tolist()}  # fmt: skip


def step(generator: str, reads: dict[str, str], writes: list[str], arguments: dict, policy: dict | None) -> dict:
    transition = {"input_variables": reads, "output_variables": writes, "arguments": arguments, "generator": generator}
    return {"active_agents": ["citizens"], "observation": {"citizens": None}, "policy": {"citizens": policy},
            "transition": {generator: transition}}  # fmt: skip


def substeps() -> dict:
    paths = {n: f"{PEOPLE}/{n}" for n in ("disease_stage", "next_stage_time", "infected_time", "age")}
    paths |= {n: f"environment/{n}" for n in ("SFSusceptibility", "SFInfector", "lam_gamma_integrals")}
    paths |= {n: f"environment/{n}" for n in ("daily_infected", "daily_deaths")}
    paths["mean_interactions"] = f"{PEOPLE}/mean_interactions"
    paths["adjacency_matrix"] = "network/agent_agent/contacts/adjacency_matrix"
    stay = {"Isolation": {"generator": "Isolation", "input_variables": {}, "output_variables": [], "arguments": None}}
    told = ["disease_stage", "next_stage_time", "infected_time", "daily_infected"]
    return {
        "0": step("NewTransmission", paths, told, {"R2": value("R2", torch.ones(30), True)}, stay),
        "1": step("SEIRMProgression", paths, ["disease_stage", "next_stage_time", "daily_deaths"],
                  {"M": value("M", torch.zeros(1), True)}, None),
    }  # fmt: skip


def configuration(agents: int, days: int, seed: int) -> dict:
    stage = torch.zeros(agents, 1)
    ill = torch.randperm(agents, generator=torch.Generator().manual_seed(seed))[: int(SEEDED * agents)]
    stage[ill] = 2
    leaves, since = torch.full((agents, 1), float(NEVER)), torch.full((agents, 1), -1.0)
    leaves[ill], since[ill] = INFECTIOUS, -LATENT - 1
    force = torch.zeros(days + 20)
    force[LATENT : LATENT + INFECTIOUS] = RATE
    citizens = {"disease_stage": stage, "next_stage_time": leaves, "infected_time": since}
    citizens |= {"age": torch.zeros(agents, 1), "mean_interactions": torch.ones(agents, 1)}
    around = {"SFSusceptibility": torch.ones(1), "SFInfector": torch.ones(5), "lam_gamma_integrals": force}
    around |= {"daily_infected": torch.zeros(days), "daily_deaths": torch.zeros(days)}
    meta = {"num_agents": agents, "num_episodes": 1, "num_steps_per_episode": days, "num_substeps_per_step": 2,
            "device": "cpu", "calibration": False, "SUSCEPTIBLE_VAR": 0, "EXPOSED_VAR": 1, "INFECTED_VAR": 2,
            "RECOVERED_VAR": 3, "MORTALITY_VAR": 4, "NUM_WEEKS": 30, "INFINITY_TIME": NEVER,
            "EXPOSED_TO_INFECTED_TIME": LATENT - 1, "INFECTED_TO_RECOVERED_TIME": INFECTIOUS,
            "EXECUTION_MODE": "heuristic"}  # fmt: skip
    state = {
        "agents": {"citizens": {"number": agents, "properties": {k: value(k, v) for k, v in citizens.items()}}},
        "environment": {k: value(k, v) for k, v in around.items()},
        "objects": None,
        "network": {"agent_agent": {"contacts": {"type": "ties", "arguments": {}}}},
    }
    return {"simulation_metadata": meta, "state": state, "substeps": substeps()}


def runner_of(agents: int, days: int, seed: int) -> Runner:
    a, b = (torch.from_numpy(end) for end in random_pairs(agents, seed))
    ends = torch.stack([torch.cat([a, b]), torch.cat([b, a])])
    about = torch.stack([torch.zeros(ends.shape[1]), torch.ones(ends.shape[1])])
    registry = Registry()
    registry.register(lambda _: (SimpleNamespace(), (ends, about)), "ties", "network")
    registry.register(Isolation, "Isolation", "policy")
    registry.register(NewTransmission, "NewTransmission", "transition")
    registry.register(SEIRMProgression, "SEIRMProgression", "transition")
    runner = Runner(configuration(agents, days, seed), registry)
    runner.init()
    return runner


def main() -> None:
    options, clock = asked(), Clock()
    runner = runner_of(options.agents, options.days, options.seed)
    clock.start()
    with torch.no_grad():
        runner.step(options.days)
    clock.stop()
    ever = (runner.state["agents"]["citizens"]["disease_stage"] > 0).float().mean()
    clock.tell(options.agents, float(ever), f"agent-torch {version('agent_torch')}")


main()
