"""Explanations of syntax errors to the person who wrote the line, and what to type instead."""

from lpmdsl.syntax.mistakes.explain import explain as explain
from lpmdsl.syntax.mistakes.stop import Stop as Stop
