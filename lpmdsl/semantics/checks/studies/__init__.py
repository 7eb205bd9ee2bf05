"""Checks of what is done with a model: scenarios, comparisons, promises, fits."""
