"""Tables: by labels, and over a number."""
