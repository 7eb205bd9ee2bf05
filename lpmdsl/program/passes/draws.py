"""Draws become words and comparisons; what only a score asks for is dropped.

The last pass that knows the laws of a Program: whatever differentiates them, or puts chances in their place, is before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from lpmdsl.program.ir import (
    Bernoulli,
    Categorical,
    Exposure,
    Hazard,
    If,
    Infection,
    Kernel,
    KExpr,
    KStmt,
    Let,
    Loop,
    Program,
    Sample,
    Tries,
    While,
)
from lpmdsl.program.nodes import chance_threshold, integer, op, real, test


def expand_draws(program: Program) -> Program:
    """The program with every draw as the comparison that decides it."""
    return replace(program, kernels=tuple(_expanded(kernel) for kernel in program.kernels))


def _expanded(kernel: Kernel) -> Kernel:
    return replace(kernel, prologue=_block(kernel.prologue), body=_block(kernel.body))


def _block(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
    made: list[KStmt] = []
    for stmt in body:
        match stmt:
            case Sample():
                made += _decided(stmt)
            case If():
                made.append(replace(stmt, then=_block(stmt.then), orelse=_block(stmt.orelse)))
            case Loop() | While():
                made.append(replace(stmt, body=_block(stmt.body)))
            case _:
                made.append(stmt)
    return tuple(made)


def _decided(sample: Sample) -> list[KStmt]:
    match sample.law:
        case Bernoulli(word=word, chance=chance):
            return [Let(sample.name, test("lt", word, chance_threshold(chance)))]
        case Categorical(word=word, chances=chances, values=values):
            chosen: KExpr = integer(values[-1])
            for value, bound in reversed(list(zip(values, bounds(chances), strict=False))):
                chosen = op("select", test("lt", word, bound), integer(value), chosen)
            return [Let(sample.name, chosen)]
        case Hazard() | Tries() | Exposure() | Infection():
            return []
        case _:
            assert_never(sample.law)


def bounds(chances: tuple[KExpr, ...]) -> list[KExpr]:
    """The words below which each of several exclusive things of these chances, or one before it, happens."""
    made: list[KExpr] = []
    total: KExpr | None = None
    for chance in chances:
        total = chance if total is None else real("add", total, chance)
        made.append(chance_threshold(total))
    return made
