"""Facts about the texts of an editor: their trees, names and Models, and where a cursor stands in them."""
