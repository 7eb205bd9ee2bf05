"""Laws of a stay in the relaxation: hazards of a step, stages of a dwell time, tries a period."""
