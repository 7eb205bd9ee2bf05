"""The SEIR models of ``benchmarks.gpu``, and what others published for theirs."""

from __future__ import annotations

NETWORKS = {"circulant": "ring(degree 8)", "random": "erdos_renyi(degree 8)", "scale_free": "scale_free(degree 8)"}
PUBLISHED = {
    "circulant": "12.4–15.6 G",
    "random": "not published",
    "scale_free": "2.2–3.7 G",
    "replicates": "11.6–15.3 G (32 replicates, circulant)",
}
"""Node updates a second of FlashSpread, 1 M nodes with 8 neighbours, on an A100: arXiv 2604.22092."""

_COURSE = """
condition Illness of Person
  states S, E, I, R
  start S except {seeds} Person in I
  from S by contagion to E
  from E after exponential(mean latent_period) to I
  from I after exponential(mean infectious_period) to R

contagion of Illness
  from I on contacts at per_tie

observe infections = number entering E per day
observe infectious = count of Person where Illness is I every day
"""

_HEAD = """
clock
  step 1 day
  for 100 days

parameter per_tie = {rate}
parameter latent_period = 3 days
parameter infectious_period = 5 days

agent Person count 1_000_000
"""


def nodes_model(network: str, agents: int) -> str:
    """SEIR along ties, one of ``NETWORKS``; one in a hundred is infectious at the start."""
    return _model(f"seir_{network}", "0.05 per day", f"as {NETWORKS[network]}", agents)


def mixing_model(agents: int) -> str:
    """SEIR with random mixing; one in a hundred is infectious at the start."""
    return _model("seir_mixing", "0.04 per contact", "at random with 8 contacts per day", agents)


def _model(name: str, rate: str, network: str, agents: int) -> str:
    head = _HEAD.format(rate=rate)
    ties = f"\nnetwork contacts joins Person {network}\n"
    return f"model {name} version 1.0\n{head}{ties}{_COURSE.format(seeds=agents // 100)}"
