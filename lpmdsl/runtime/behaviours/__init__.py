"""Behaviours at run time: what archetypes answer, asked of a language model once and kept in a ledger."""
