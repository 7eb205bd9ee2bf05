"""Moves of agents through a condition: what is kept of each, entering a state, and leaving it."""
