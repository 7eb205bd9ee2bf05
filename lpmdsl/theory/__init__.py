"""Consequences of a model before anyone runs it: equations, reproduction numbers, growth."""
