"""Contagion: what the infectious weigh, what they owe, and what one agent is exposed to."""
