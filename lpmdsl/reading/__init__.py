"""Files that a model names: one door through which they are opened, one reader of tables."""
