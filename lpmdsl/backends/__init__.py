"""Printers of Programs for processors and GPUs, and the request and result that any back end shares."""
