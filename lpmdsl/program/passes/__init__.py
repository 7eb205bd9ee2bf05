"""Passes from Program to Program: fewer operations, the same counts; and the adjoint."""
