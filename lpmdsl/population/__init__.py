"""People, places and ties: drawn before a run from what the model says of them."""
