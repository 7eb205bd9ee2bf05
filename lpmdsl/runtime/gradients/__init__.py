"""Derivatives of what is expected of a run, by several estimators, each with its certificate."""
