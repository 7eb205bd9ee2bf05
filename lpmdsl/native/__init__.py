"""A small typed part of Python, compiled to machine code through LLVM: kernels, and the functions they call."""
