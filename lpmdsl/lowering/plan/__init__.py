"""Choices by which a program avoids going through everyone, made from the Model alone."""
