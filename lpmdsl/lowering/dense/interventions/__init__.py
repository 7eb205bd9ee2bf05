"""Interventions: when they are active, what their blocks do, what they cost."""
