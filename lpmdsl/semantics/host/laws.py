"""Arguments and canonical parameters of the Model's distributions at the values of a scope."""

from __future__ import annotations

from typing import Any

from lpmdsl.distributions.table import parameters as parameters_of
from lpmdsl.semantics.host.evaluate import Scope, evaluate
from lpmdsl.semantics.model import Distribution


def arguments(distribution: Distribution, scope: Scope) -> dict[str, Any]:
    """The arguments as they were written, in base units: numbers, or arrays over the agents of the scope."""
    return {name: evaluate(expr, scope) for name, expr in distribution.arguments}


def parameters(distribution: Distribution, scope: Scope) -> tuple[Any, ...]:
    """The canonical parameters of the family, from whichever arguments were written; NaN where they make no sense."""
    return parameters_of(distribution.family, arguments(distribution, scope))
