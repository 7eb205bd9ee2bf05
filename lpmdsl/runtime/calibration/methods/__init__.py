"""Ways to fit: search, gradients, particle methods, neural posteriors; their starts and proposals."""
