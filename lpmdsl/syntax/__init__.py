"""The text of a model: parser, tree, formatter, explanations of syntax errors."""
