"""Questions of an editor about a text and its Model, and the server that answers them."""
