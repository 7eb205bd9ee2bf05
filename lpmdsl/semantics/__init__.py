"""The meaning of a model: names, checks, the Model, facts and lints."""
