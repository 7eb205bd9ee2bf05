"""The GPU back end: a Program printed as a Triton module."""
