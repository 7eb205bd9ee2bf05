"""Pages that a run, a calibration or an analysis leaves: figures, headlines, and the whole page as text."""
