"""Data files that a model names: their columns, rows and times, as a check and a fit read them."""
