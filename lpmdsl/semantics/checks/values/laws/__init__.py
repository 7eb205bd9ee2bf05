"""Distributions: families, their arguments as written, and rows of shares."""
