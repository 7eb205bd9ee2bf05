"""Rewriting of kernels: every expression through a function, bottom up; locals through a renaming."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from lpmdsl.program.ir import (
    Append,
    Apply,
    Assign,
    AtomicAdd,
    AtomicMax,
    Beside,
    Claim,
    Const,
    Draw,
    Enqueue,
    If,
    KExpr,
    KStmt,
    Let,
    Load,
    Loop,
    Mark,
    Prefetch,
    Quantile,
    Sample,
    Store,
    Tally,
    Threshold,
    Var,
    While,
)
from lpmdsl.program.ir.draws import map_law

Rewrite = Callable[[KExpr], KExpr]
Rename = Callable[[str], str]


def _same(name: str) -> str:
    return name


def map_expression(expr: KExpr, rewrite: Rewrite) -> KExpr:
    """``expr`` with ``rewrite`` applied to every node, parts first."""
    match expr:
        case Const() | Var():
            return rewrite(expr)
        case Load():
            return rewrite(replace(expr, index=tuple(map_expression(e, rewrite) for e in expr.index)))
        case Apply():
            return rewrite(replace(expr, args=tuple(map_expression(e, rewrite) for e in expr.args)))
        case Quantile():
            row, word = map_expression(expr.row, rewrite), map_expression(expr.word, rewrite)
            return rewrite(replace(expr, row=row, word=word))
        case Threshold():
            high, low = map_expression(expr.high, rewrite), map_expression(expr.low, rewrite)
            return rewrite(replace(expr, high=high, low=low))
        case Beside():
            agent, edge, count = (map_expression(e, rewrite) for e in (expr.agent, expr.edge, expr.count))
            return rewrite(replace(expr, agent=agent, edge=edge, count=count))
        case _:
            assert_never(expr)


def map_block(
    body: tuple[KStmt, ...], rewrite: Rewrite, local: Rename = _same, draw: Rename = _same
) -> tuple[KStmt, ...]:
    """A block with every expression rewritten and every local renamed."""
    return tuple(_map_statement(s, rewrite, local, draw) for s in body)


def _map_statement(stmt: KStmt, rewrite: Rewrite, local: Rename, draw: Rename) -> KStmt:
    def through(expr: KExpr) -> KExpr:
        return map_expression(expr, rewrite)

    def inner(body: tuple[KStmt, ...]) -> tuple[KStmt, ...]:
        return map_block(body, rewrite, local, draw)

    match stmt:
        case Let() | Assign():
            return replace(stmt, name=local(stmt.name), value=through(stmt.value))
        case Draw():
            together = through(stmt.together) if stmt.together is not None else None
            agent, episode = through(stmt.agent), through(stmt.episode)
            return replace(stmt, name=draw(stmt.name), agent=agent, episode=episode, together=together)
        case Store() | AtomicAdd():
            return replace(stmt, index=tuple(through(e) for e in stmt.index), value=through(stmt.value))
        case AtomicMax():
            index = tuple(through(e) for e in stmt.index)
            return replace(stmt, name=local(stmt.name), index=index, value=through(stmt.value))
        case Tally():
            return replace(stmt, index=through(stmt.index), value=through(stmt.value))
        case If():
            return replace(stmt, test=through(stmt.test), then=inner(stmt.then), orelse=inner(stmt.orelse))
        case Loop():
            start, stop = through(stmt.start), through(stmt.stop)
            return replace(stmt, var=local(stmt.var), start=start, stop=stop, body=inner(stmt.body))
        case While():
            return replace(stmt, test=through(stmt.test), body=inner(stmt.body))
        case Append():
            return replace(stmt, value=through(stmt.value))
        case Mark() | Prefetch():
            return replace(stmt, index=through(stmt.index))
        case Claim():
            return replace(stmt, name=local(stmt.name), index=through(stmt.index))
        case Enqueue():
            return replace(stmt, step=through(stmt.step), value=through(stmt.value))
        case Sample():
            return replace(stmt, name=local(stmt.name), law=map_law(stmt.law, through))
        case _:
            assert_never(stmt)
