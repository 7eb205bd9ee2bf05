"""From a compiled model to the reports of one replicate, on a CPU or a GPU."""
