"""Values that the host works out before a run: expressions, calendar, tables of quantiles."""
