"""What follows from a model before anyone runs it: equations, reproduction numbers, growth."""
