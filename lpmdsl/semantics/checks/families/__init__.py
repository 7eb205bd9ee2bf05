"""Families of parameters: their parts, and steps from one piece of time to the next."""
