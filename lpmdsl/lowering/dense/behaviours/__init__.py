"""Decisions of agents, and the archetypes that are asked for them."""
