"""From the Model to a Program."""
