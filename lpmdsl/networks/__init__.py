"""Networks and places: who can meet whom. ``NETWORKS`` in ``generators`` lists the generators."""
