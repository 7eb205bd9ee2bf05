"""Facts of exposure that a run has to know before its first step: the largest hazards, and who is looked at twice."""
