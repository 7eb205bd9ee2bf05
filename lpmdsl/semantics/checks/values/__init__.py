"""Checks of values: expressions, units, distributions, periods."""
