"""What a Program records of its draws, for the score of a run."""
