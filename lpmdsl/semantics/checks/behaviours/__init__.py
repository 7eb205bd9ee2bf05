"""Checks of behaviours: what is known, asked, decided, and compared with a survey."""
