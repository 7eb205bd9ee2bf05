"""Contagion: who takes part, what sources weigh, and what everybody meets of it over each network."""
