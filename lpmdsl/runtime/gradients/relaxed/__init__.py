"""Estimators through the relaxed program and its adjoint."""
