"""The domain of values in which the Model is interpreted, and the functions of expressions in it.

In the domain of samples everybody is in one state, a chance is compared with a keyed word, and weights are whole
numbers: that is a run. In the domain of marginals (``compiler_tests/relaxed_reference``) a moment is one case of what
is random, a chance is its probability, weights are plain float64, and torch differentiates all of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from lpmdsl.reference import arithmetic as numbers
from lpmdsl.semantics.model import Apply, Literal_


class Domain(Protocol):
    """Operations that depend on the domain of values: elementary functions of float64, weights and their shares."""

    def exp(self, x: Tensor, /) -> Tensor:
        """e to the power x."""
        ...

    def log(self, x: Tensor, /) -> Tensor:
        """Natural logarithm."""
        ...

    def sqrt(self, x: Tensor, /) -> Tensor:
        """Square root."""
        ...

    def sin(self, x: Tensor, /) -> Tensor:
        """Sine of x radians."""
        ...

    def cos(self, x: Tensor, /) -> Tensor:
        """Cosine of x radians."""
        ...

    def weight(self, x: Tensor, /) -> Tensor:
        """Weight of a source in one step, at least 0, of float64."""
        ...

    def evenly(self, sums: Tensor, others: Tensor, /) -> Tensor:
        """Weights of the others whom each agent meets in one place or by its ties, shared among them."""
        ...

    def among(self, weight: Tensor, number: Tensor, /) -> Tensor:
        """Weight that is shared among so many (float64)."""
        ...


class Samples:
    """The domain of a run, to the bit what the kernels have to find: weights are int64 in units of 2⁻³²."""

    exp = staticmethod(numbers.exp)
    log = staticmethod(numbers.log)
    sqrt = staticmethod(numbers.sqrt)
    sin = staticmethod(numbers.sin)
    cos = staticmethod(numbers.cos)
    weight = staticmethod(numbers.capped)

    def evenly(self, sums: Tensor, others: Tensor, /) -> Tensor:
        """Shares without what is left of the division; 0 where there are no others."""
        return torch.where(others > 0, sums // torch.clamp(others, min=1), 0)

    def among(self, weight: Tensor, number: Tensor, /) -> Tensor:
        """Share, rounded to a unit."""
        return numbers.rounded(weight.to(torch.float64) / number)


SAMPLES: Domain = Samples()


def truth(test: Tensor) -> Tensor:
    """1 for yes and 0 for no, as float64."""
    return test.to(torch.float64)


@functools.cache
def functions(domain: Domain) -> dict[str, Callable[..., Tensor]]:
    """Functions and operators of expressions by name, all but powers: from float64 tensors to one."""
    return {
        "select": lambda test, a, b: torch.where(test != 0, a, b),
        "neg": torch.neg,
        "not": lambda a: truth(a == 0),
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "lt": lambda a, b: truth(a < b),
        "le": lambda a, b: truth(a <= b),
        "gt": lambda a, b: truth(a > b),
        "ge": lambda a, b: truth(a >= b),
        "eq": lambda a, b: truth(a == b),
        "ne": lambda a, b: truth(a != b),
        "and": lambda a, b: truth((a != 0) & (b != 0)),
        "or": lambda a, b: truth((a != 0) | (b != 0)),
        "exp": domain.exp,
        "log": domain.log,
        "sqrt": domain.sqrt,
        "abs": torch.abs,
        "min": lambda *values: functools.reduce(torch.minimum, values),  # no number if any is none,
        "max": lambda *values: functools.reduce(torch.maximum, values),
        "floor": torch.floor,
        "round": lambda a: torch.floor(a + 0.5),
        "logit": lambda p: domain.log(p / (1.0 - p)),
        "inverse_logit": lambda x: 1.0 / (1.0 + domain.exp(-x)),
        "tanh": lambda x: 1.0 - 2.0 / (1.0 + domain.exp(2.0 * x)),
        "sign": lambda x: torch.where(torch.isnan(x), x, torch.sign(x)),
        "sin": domain.sin,
        "cos": domain.cos,
    }


def apply(expr: Apply, values: list[Tensor], domain: Domain) -> Tensor:
    """Value of a function or an operator for the values of its arguments (float64)."""
    return _power(expr, *values, domain=domain) if expr.op == "pow" else functions(domain)[expr.op](*values)


def _power(expr: Apply, base: Tensor, exponent: Tensor, domain: Domain) -> Tensor:
    """Repeated products for a literal whole exponent from 1 to 8, else exp(b·log a)."""
    written = expr.arguments[1]
    if not (isinstance(written, Literal_) and written.value in range(1, 9)):
        return domain.exp(exponent * domain.log(base))
    result = base
    for _ in range(int(written.value) - 1):
        result = result * base
    return result
