"""Runs on a GPU: whether there is one, what fits into it, launches, the run."""
