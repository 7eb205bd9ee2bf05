"""Pages and lines about a model: what theory says of it, its promises, its equations beside its agents."""
