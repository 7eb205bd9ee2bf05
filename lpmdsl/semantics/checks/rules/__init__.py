"""Checks of rules: when and for whom, paragraphs, what they do."""
