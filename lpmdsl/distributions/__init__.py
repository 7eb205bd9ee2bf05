"""The distributions of the language: one row a family holds all that the compiler knows of it."""
