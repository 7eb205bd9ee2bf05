"""Ties as arrays: rows of neighbours, sorted, shuffled, made in parallel."""
