"""Checks of a fit: predictive bands, identification, what to doubt, R0 of the posterior."""
