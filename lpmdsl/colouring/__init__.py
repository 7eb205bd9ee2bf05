"""Colours for model texts: one list of rules, from the grammar and the tables, printed for Pygments and TextMate."""
