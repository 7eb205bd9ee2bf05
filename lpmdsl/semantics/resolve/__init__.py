"""Names: where each is declared, in which file, and what an expression may read where it stands."""
