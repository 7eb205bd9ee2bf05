"""The Program that looks at every agent in every step, and the statements that all Programs share."""
