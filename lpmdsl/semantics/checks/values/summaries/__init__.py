"""Summaries of many: aggregates over a kind, over neighbours, over reports."""
