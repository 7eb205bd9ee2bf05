"""The score estimator: runs that record their draws, and what follows from the record."""
