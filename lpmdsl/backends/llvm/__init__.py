"""The CPU back end: a Program printed as a listing in Python's spelling, and that compiled through LLVM."""
