"""Plain torch, a tensor operation at a time over all agents and ties, as frameworks on torch do it."""

from __future__ import annotations

from shared import CHANCE, INFECTIOUS, LATENT, SEEDED, Clock, asked, random_pairs


def main() -> None:
    import torch

    torch.set_num_threads(1)
    options, clock = asked(), Clock()
    n = options.agents
    generator = torch.Generator().manual_seed(options.seed)
    a, b = (torch.from_numpy(end) for end in random_pairs(n, options.seed))
    sources, targets = torch.cat([a, b]), torch.cat([b, a])
    infected_on = torch.full((n,), 10**6)
    infected_on[torch.randperm(n, generator=generator)[: int(SEEDED * n)]] = -LATENT - 1
    clock.start()
    for day in range(options.days):
        ill = (infected_on + LATENT < day) & (infected_on + LATENT + INFECTIOUS >= day)
        neighbours = torch.zeros(n).index_add_(0, targets, ill[sources].float())
        chance = 1 - (1 - CHANCE) ** neighbours
        caught = (infected_on > day) & (torch.rand(n, generator=generator) < chance)
        infected_on = torch.where(caught, day, infected_on)
    clock.stop()
    clock.tell(n, float((infected_on < 10**6).float().mean()), f"torch {torch.__version__}")


main()
