"""Generators of networks and their arguments."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.distributions.table import DISTRIBUTIONS
from lpmdsl.networks.generators import NETWORKS, GeneratorArgument, NetworkGenerator, contradiction
from lpmdsl.quantities import BOOLEAN, ERROR, NUMBER, PROBABILITY
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.values.expressions import check_value
from lpmdsl.semantics.checks.values.laws.distributions import as_distribution, check_distribution
from lpmdsl.semantics.checks.values.probabilities import not_negative
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.functions import FUNCTIONS
from lpmdsl.semantics.resolve.scope import constant, making
from lpmdsl.source import Span
from lpmdsl.syntax import tree


def check_generator(ctx: Context, written: tree.Generator, kind: str) -> model.Generator | None:
    """Generator of ties among agents of a kind, with its arguments in base units; None after a report."""
    row = NETWORKS.get(written.name.id)
    if row is None:
        ctx.report.add(
            "E0606",
            f"There is no network generator `{written.name.id}`.{did_you_mean(written.name.id, NETWORKS)}",
            written.name.span,
            f"There are {', '.join(NETWORKS)}.",
            fixes=instead(written.name.span, written.name.id, NETWORKS),
        )
        return None
    names = [a.name for a in row.arguments]
    given = {a.name or (names[i] if i < len(names) else "?"): a for i, a in enumerate(written.arguments)}
    unknown = next((name for name in given if row.argument(name) is None), None)
    if unknown is not None:
        _no_argument(ctx, row, unknown, given[unknown])
        return None
    why = _arguments_missing(row, set(given)) or ("duplicate argument" if len(given) < len(written.arguments) else "")
    if why:
        ctx.report.add(
            "E0606",
            f"`{row.name}`: {why}.",
            written.span,
            _takes(row),
        )
        return None
    checked = [(a.name, _argument(ctx, a, given[a.name], kind)) for a in row.arguments if a.name in given]
    if any(value is None for _, value in checked):
        return None
    return model.Generator(row.name, tuple((n, v) for n, v in checked if v is not None), written.span)


def _no_argument(ctx: Context, row: NetworkGenerator, name: str, written: tree.GeneratorArgument) -> None:
    """E0606: an argument that the generator does not have, or more of them than it has."""
    known = [a.name for a in row.arguments]
    word = Span(written.span.source, written.span.start, written.span.start + len(name))
    if written.name is None:
        ctx.report.add("E0606", f"`{row.name}` has no more than {len(known)} arguments.", written.span, _takes(row))
        return
    message = f"`{row.name}` has no argument `{name}`.{did_you_mean(name, known)}"
    ctx.report.add("E0606", message, word, _takes(row), fixes=instead(word, name, known))


def _takes(row: NetworkGenerator) -> str:
    """Arguments of a generator, in words."""
    return "It takes " + ("; ".join(f"`{a.name}`: {a.help}" for a in row.arguments) or "nothing") + "."


def _arguments_missing(row: NetworkGenerator, given: set[str]) -> str:
    if row.one_of and len(given & set(row.one_of)) != 1:
        return f"exactly one of {' and '.join(f'`{n}`' for n in row.one_of)} is written"
    needed = [a.name for a in row.arguments if a.default is None and a.name not in (*row.one_of, *row.optional)]
    missing = [name for name in needed if name not in given]
    return f"`{missing[0]}` is missing" if missing else ""


def _argument(
    ctx: Context, wanted: GeneratorArgument, written: tree.GeneratorArgument, kind: str
) -> model.Expr | model.Distribution | None:
    scope = constant("a network generator")
    role = f"`{wanted.name}`"
    match wanted.kind:
        case "number" | "share" | "yes/no":
            want = {"number": NUMBER, "share": PROBABILITY, "yes/no": BOOLEAN}[wanted.kind]
            if isinstance(written.value, tree.Distribution):
                return _no_number(ctx, wanted, written.value)
            value = check_value(ctx, written.value, scope, want, role)
            return None if value.type == ERROR else value
        case "degrees":
            return _degrees(ctx, written, kind)
        case "blocks":
            return _blocks(ctx, written)
        case _:
            assert_never(wanted.kind)


def _degrees(ctx: Context, written: tree.GeneratorArgument, kind: str) -> model.Expr | model.Distribution | None:
    """Numbers of ties: a law from which they are drawn, or a formula of everybody's own attributes."""
    own = making(kind, "the degrees of a network")
    if not isinstance(written.value, tree.Distribution) and _may_be_own(ctx, written.value):
        value = check_value(ctx, written.value, own, NUMBER, "a number of ties")
        if model.reads_agent(value):
            not_negative(ctx, value, "a number of ties")
            return value
        if value.type == ERROR:
            return None
    elif (drawn := as_distribution(written.value)) is not None:
        return check_distribution(ctx, drawn, NUMBER, "draw", own)
    ctx.report.add(
        "E0606",
        f"{text_of(written.span)} is not a distribution of numbers of ties.",
        written.span,
        "Write, for example, `degrees poisson(mean 4)`, the name of a table of shares, or a number that each "
        f"{kind} has: `degrees activity`.",
    )
    return None


def _may_be_own(ctx: Context, written: tree.Expr) -> bool:
    """Return True for what is read as a value of each agent's own, False for what names a law or a table of shares."""
    match written:
        case tree.Name():
            return written.id not in ctx.names.tables() and written.id not in DISTRIBUTIONS
        case tree.Call():
            return written.function.id in FUNCTIONS
        case _:
            return True


def _no_number(ctx: Context, wanted: GeneratorArgument, written: tree.Distribution) -> None:
    """Report a distribution where one number belongs (E0606)."""
    message = f"{text_of(written.span)} is a distribution, and `{wanted.name}` is one number: {wanted.help}."
    ctx.report.add("E0606", message, written.span, f"Write the number, as in `{wanted.name} 4`.")


def blocks_agree(ctx: Context, kind: str, made: model.Generator) -> bool:
    """Return True if the groups can have the ties of a block table, where their shares are known; else E0651."""
    written = dict(made.arguments).get("ties")
    if made.name != "stochastic_block" or not isinstance(written, model.TableRef):
        return True
    table = ctx.tables[written.table]
    shares = _shares(ctx, kind, table)
    if shares is None:
        return True
    matrix = np.asarray(table.values).reshape(len(shares), len(shares))
    found = contradiction(matrix, shares, drawn=False)
    if found is None:
        return True
    a, b, one, other = found
    first, second = table.keys[0][a], table.keys[0][b]
    ctx.report.add(
        "E0651",
        f"The table `{table.name}` contradicts itself: {100 * shares[a]:.3g} % are `{first}` with {matrix[a, b]:g} "
        f"ties to `{second}`, {one:.4g} per person of all, and {100 * shares[b]:.3g} % are `{second}` with "
        f"{matrix[b, a]:g} to `{first}`, {other:.4g}: these are the same ties.",
        made.span,
        f"Write the row `{second} {first}` with {one / shares[b]:.4g}, or `{first} {second}` with "
        f"{other / shares[a]:.4g}.",
    )
    return False


def _shares(ctx: Context, kind: str, table: model.Table) -> np.ndarray | None:
    """The shares of the groups that a table is by, where its attribute is drawn with known chances."""
    agent = ctx.agents.get(kind)
    attribute = next((a for a in agent.attributes if a.name == table.key_attributes[0]), None) if agent else None
    drawn = attribute.drawn if attribute is not None else None
    if attribute is None or drawn is None:
        return None
    if drawn.family == "empirical" and drawn.table in ctx.tables:
        own = dict(zip(ctx.tables[drawn.table].keys[0], ctx.tables[drawn.table].values, strict=True))
        weights = [own.get(label, 0.0) for label in table.keys[0]]
    elif drawn.family == "categorical" and all(model.is_constant(w) for w in drawn.weights):
        weights = [constant_value(w, ctx.values, ctx.tables) for w in drawn.weights]
    else:
        return None
    total = sum(weights)
    return np.asarray(weights) / total if len(weights) == len(table.keys[0]) and min(weights) > 0 else None


def _blocks(ctx: Context, written: tree.GeneratorArgument) -> model.Expr | None:
    name = written.value
    table = ctx.tables.get(name.id) if isinstance(name, tree.Name) else None
    if table is not None and len(table.keys) == 2 and table.key_attributes[0] == table.key_attributes[1]:
        return model.TableRef(table.name, (), table.type, written.span)
    if not (isinstance(name, tree.Name) and name.id in ctx.broken):
        ctx.report.add(
            "E0606",
            f"{text_of(written.value.span)} is no table by one attribute twice.",
            written.value.span,
            "Write `table ties by group, group of number`: mean ties of the row's group with the column's.",
        )
    return None
