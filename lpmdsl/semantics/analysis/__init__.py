"""Facts derived from a Model: intervals, derivatives, state graphs, who reads what."""
