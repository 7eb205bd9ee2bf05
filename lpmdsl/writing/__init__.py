"""Everything that is written for a user: whole files, sealed lists of what is ours, folders that change at once."""
