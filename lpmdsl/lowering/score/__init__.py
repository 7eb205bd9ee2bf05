"""Records that a Program makes of its draws, for the score of a run."""
