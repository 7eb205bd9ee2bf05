"""Notes and warnings on a checked model: what has no effect, can never happen, or goes stale."""
