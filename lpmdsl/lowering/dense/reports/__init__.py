"""Counts at the boundary of a step, and the end of a run."""
