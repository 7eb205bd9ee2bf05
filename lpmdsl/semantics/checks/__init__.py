"""Checks of declarations: each becomes a part of the Model, or a report of what is wrong with it."""
