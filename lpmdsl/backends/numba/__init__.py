"""The CPU back end: a Program printed as a Numba module."""
