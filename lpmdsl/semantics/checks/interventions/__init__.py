"""Checks of interventions: when, whom, what, at which cost."""
