"""Kinds of agents: their number, their attributes and the places they belong to.

A column of a file is in the unit that its header names (``age [years]``); a column of pure numbers needs none.
``Attribute.scale`` says how many base units one of its printed (and read) units is.
"""

from __future__ import annotations

import math

from lpmdsl.quantities import ERROR, NUMBER, Kind, Type
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.value_origins import origins
from lpmdsl.semantics.analysis.vertices import constant, extremes
from lpmdsl.semantics.checks.attributes import attribute_limits, missing_value
from lpmdsl.semantics.checks.values.dates import needs_start
from lpmdsl.semantics.checks.values.expressions import check_expression, check_test, check_value
from lpmdsl.semantics.checks.values.laws.distributions import check_distribution
from lpmdsl.semantics.checks.values.limits import check_limits
from lpmdsl.semantics.checks.values.units import expect
from lpmdsl.semantics.context import Context, text_of, unit, unit_of, unit_text
from lpmdsl.semantics.data_files.agents import check_columns
from lpmdsl.semantics.resolve.scope import Scope, making
from lpmdsl.syntax import tree

MOST_AGENTS = 2_000_000_000


def check_agent(ctx: Context, written: tree.Agent) -> model.Agent:
    """The kind with its members in the order in which they are made; broken members are left out."""
    count = _count(ctx, written)
    if written.at_most is not None:
        ctx.report.add(
            "E0103",
            "Populations that grow (`at most`) are not there yet.",
            written.at_most.span,
            "Leave `at most` out.",
        )
    members: list[model.Attribute | model.Place] = []
    for member in written.attributes:
        signed = ctx.members[written.name.id].get(member.name.id)
        if signed is None or signed.span != member.name.span:
            continue  # its name is taken, and that is reported
        made = frozenset(m.name for m in members) | frozenset(ctx.broken)
        scope = making(written.name.id, f"the making of {written.name.id}", made)
        whole = (
            _place(ctx, written, member, scope)
            if isinstance(member, tree.Place)
            else _attribute(ctx, written, member, scope)
        )
        if whole is None:
            ctx.broken.add(member.name.id)
        else:
            members.append(whole)
    agent = model.Agent(
        written.name.id, count, written.file, written.file_span, tuple(members), written.doc, written.span
    )
    return check_columns(ctx, agent) if written.file is not None else agent


def _count(ctx: Context, written: tree.Agent) -> int | None:
    """Number of agents; None when the file says (or after a report)."""
    quantity = written.count
    if quantity is None:
        if written.file is None and not ctx.names.is_library:
            ctx.report.add(
                "E0612",
                f"Nothing says how many {written.name.id} there are.",
                written.name.span,
                f'Write `agent {written.name.id} count 10_000`, or `from "people.csv"`.',
            )
        return None
    number = quantity.value
    why = ""
    if quantity.percent or (quantity.unit is not None and quantity.unit.parts[0][0] not in ("people", "person")):
        why = "a number of agents has no unit"
    elif number <= 0:
        why = "an empty population has no epidemic"
    elif number != math.floor(number):
        why = "agents are whole"
    elif number > MOST_AGENTS:
        why = f"agents are numbered with 32 bits, so {MOST_AGENTS:_} is the most"
    if not why:
        return int(number)
    ctx.report.add(
        "E0602",
        f"There cannot be {quantity.text} agents: {why}.",
        quantity.span,
        "Write a whole number such as `10_000`.",
    )
    return None


# ------------------------------------------------------------------ attributes


def _attribute(ctx: Context, agent: tree.Agent, written: tree.Attribute, scope: Scope) -> model.Attribute | None:
    kind = ctx.members[agent.name.id][written.name.id].type
    if kind == ERROR:
        return None
    if kind.kind is Kind.DATE and ctx.start is None:
        needs_start(ctx, written.name.id, written.type.span)
        return None
    value: model.Expr | None = None
    drawn: model.Distribution | None = None
    band: tuple[str, tuple[model.Expr, ...]] | None = None
    if isinstance(written.value, tree.Band):
        band = _band(ctx, written.value, scope)
    elif written.value is not None:
        value = check_value(ctx, written.value, scope, kind, f"`{written.name.id}`")
        _in_unit(ctx, value, kind)
    elif written.drawn is not None:
        drawn = check_distribution(ctx, written.drawn, kind, "draw", scope)
    elif agent.file is None:
        ctx.report.add(
            "E0603",
            f"Nothing says what `{written.name.id}` of a {agent.name.id} is.",
            written.name.span,
            "Write `= VALUE`, `~ DISTRIBUTION`, or read the agents `from` a file with such a column.",
        )
    column = written.name.id if agent.file and written.value is None and written.drawn is None else None
    if (value is None and drawn is None and band is None and column is None) or (
        value is not None and value.type == ERROR
    ):
        return None
    printed, scale = printed_unit(written, kind)
    since = ctx.start if kind.kind is Kind.DATE else None
    return model.Attribute(
        written.name.id, kind, value, drawn, band, column, printed, scale, False, written.doc, written.span,
        *attribute_limits(ctx, written, kind), missing_value(ctx, written, kind, column is not None), since,
    )  # fmt: skip


def printed_unit(written: tree.Attribute, kind: Type) -> tuple[str, float]:
    """The first unit that the text gives, else the declared unit, else base units."""
    value = written.value if not isinstance(written.value, tree.Band) else None
    for quantity in quantities_in(written.drawn or value):
        if unit_of(quantity)[1] == kind.dimension and (quantity.unit or quantity.percent):
            return unit_text(quantity), unit_of(quantity)[0]
    if written.type.unit is not None and not written.type.name:
        words = tree.Quantity(1.0, False, None, written.type.unit, "", written.type.span)
        return unit_text(words), unit(written.type.unit)[0]
    return ("" if kind.dimension == NUMBER.dimension else str(kind.dimension)), 1.0


def quantities_in(node: object) -> list[tree.Quantity]:
    """The literals in a distribution or expression, in written order."""
    if isinstance(node, tree.Quantity):
        return [node]
    match node:
        case tree.Distribution():
            parts: tuple[object, ...] = tuple(a.value for a in node.arguments)
        case tree.Binary():
            parts = (node.left, node.right)
        case tree.Unary():
            parts = (node.operand,)
        case tree.Call():
            parts = node.arguments
        case _:
            parts = ()
    return [q for part in parts for q in quantities_in(part)]


def _in_unit(ctx: Context, value: model.Expr, kind: Type) -> None:
    if kind.kind in (Kind.SHARE, Kind.PROBABILITY) and value.type != ERROR:
        for number, story in extremes(ctx, (value,)):
            if not 0 <= number <= 1:
                ctx.report.add(
                    "E0313",
                    f"{text_of(value.span)} is {number:g}{story}, and a {kind.kind.value} lies between 0 and 1.",
                    value.span,
                    "Write it in per cent: `30 %`.",
                    origins(ctx, value),
                )
                return


def _band(ctx: Context, written: tree.Band, scope: Scope) -> tuple[str, tuple[model.Expr, ...]] | None:
    of = check_value_of(ctx, written.of, scope)
    if of is None:
        return None
    role = f"a limit of the bands of `{written.of.id}`"
    cuts = check_limits(ctx, written.cuts, scope, of.type, role, unit_written(ctx, scope.kind or "", written.of.id))
    if any(cut.type == ERROR for cut in cuts):
        return None
    if len(written.labels) != len(cuts) + 1:
        ctx.report.add(
            "E0604",
            f"{len(cuts)} limits make {len(cuts) + 1} bands, and {len(written.labels)} names stand here.",
            written.span,
            "Name every band, from the lowest to the highest.",
        )
        return None
    own = ctx.values
    values = [constant(cut, own, ctx.tables) for cut in cuts]
    for k in range(1, len(values)):
        if values[k] <= values[k - 1]:
            ctx.report.add(
                "E0604",
                f"The limit {text_of(cuts[k].span)} is not above the one before it, so a band would be empty.",
                cuts[k].span,
                "Write the limits in rising order.",
            )
            return None
    return written.of.id, tuple(cuts)


def unit_written(ctx: Context, kind: str, attribute: str) -> str:
    """The unit in which an attribute of a kind was written, or ""."""
    owner = ctx.names.agents().get(kind)
    written = next((a for a in owner.attributes if a.name.id == attribute), None) if owner else None
    return printed_unit(written, ctx.members[kind][attribute].type)[0] if isinstance(written, tree.Attribute) else ""


def check_value_of(ctx: Context, name: tree.Name, scope: Scope) -> model.Expr | None:
    """The numeric attribute to be banded."""
    members = ctx.members[scope.kind or ""]
    if name.id not in members:
        ctx.unknown(name, "an attribute", members, "A band is made of a number that the agent has.")
        return None
    if name.id in ctx.broken:
        return None
    if not members[name.id].type.is_numeric:
        ctx.report.add(
            "E0306",
            f"`{name.id}` is {members[name.id].type}, and bands are made of numbers.",
            name.span,
            labels=ctx.declared(name.id),
        )
        return None
    if scope.made is not None and name.id not in scope.made:
        ctx.report.add(
            "E0611",
            f"`{name.id}` is made after this, so it has no value yet.",
            name.span,
            f"Move the line of `{name.id}` above this one.",
            labels=ctx.declared(name.id),
        )
        return None
    return model.AttributeRef(scope.kind or "", name.id, members[name.id].type, name.span)


# ------------------------------------------------------------------ places


def _place(ctx: Context, agent: tree.Agent, written: tree.Place, scope: Scope) -> model.Place | None:
    size: model.Expr | model.Distribution | None = None
    if isinstance(written.size, tree.Distribution):
        size = check_distribution(ctx, written.size, NUMBER, "draw", scope)
        if size is None or not _sizes_from_table(ctx, size):
            return None
    elif written.size is not None:
        size = expect(
            ctx, check_value(ctx, written.size, scope, NUMBER, "the size of a place"), NUMBER, "the size of a place"
        )
        if size.type == ERROR:
            return None
        if any(number < 1 for number, _ in extremes(ctx, (size,))):
            message = f"A place of size {text_of(size.span)[1:-1]} holds nobody."
            ctx.report.add("E0316", message, size.span, "Write at least 1.", origins(ctx, size))
            return None
    elif agent.file is None:
        ctx.report.add(
            "E0603",
            f"Nothing says how large a `{written.name.id}` is.",
            written.name.span,
            f"Write `{written.name.id} place of size 20`, or `of size ~ DISTRIBUTION`.",
        )
        return None
    if written.missing is not None and not _means_no_place(ctx, written, agent.file is not None):
        return None
    where = check_test(ctx, written.where, scope, "what follows `where`") if written.where is not None else None
    shared = [_shared(ctx, name, scope) for name in written.within]
    within = tuple(attribute for attribute in shared if attribute is not None)
    if len(within) < len(shared) or not _one_size(ctx, agent, size, within):
        return None
    return model.Place(written.name.id, size, where, written.doc, written.span, within, written.missing is not None)


def _means_no_place(ctx: Context, written: tree.Place, has_file: bool) -> bool:
    """Return True if ``missing as none`` stands where places are read from a file; else a report."""
    assert written.missing is not None
    read = has_file and written.size is None
    if read and isinstance(written.missing, tree.Name) and written.missing.id == "none":
        return True
    told = "whose place is missing has none" if read else "only what is read from a file can be missing"
    help = f"Write `{written.name.id} place missing as none`." if read else "Leave `missing as` out."
    ctx.report.add("E0603", f"`{written.name.id}`: {told}.", written.missing.span, help)
    return False


def _shared(ctx: Context, name: tree.Name, scope: Scope) -> model.AttributeRef | None:
    """An attribute in which all of one place can be alike: one of few values, made before the place."""
    value = check_expression(ctx, name, scope)
    if value.type == ERROR:
        return None
    if isinstance(value, model.AttributeRef) and value.type.kind in (Kind.CATEGORY, Kind.BOOLEAN):
        return value
    ctx.report.add(
        "E0306",
        f"`{name.id}` is {value.type}, and places are kept within a category or a yes/no of those in them.",
        name.span,
        "Name an attribute such as a borough; for a number, make bands of it first: `band of …`.",
        labels=ctx.declared(name.id),
    )
    return None


def _one_size(
    ctx: Context,
    agent: tree.Agent,
    size: model.Expr | model.Distribution | None,
    within: tuple[model.AttributeRef, ...],
) -> bool:
    """Return True if the size reads nothing in which people of one place may differ."""
    alike = {attribute.name for attribute in within}
    read = (size.weights + tuple(e for _, e in size.arguments)) if isinstance(size, model.Distribution) else (size,)
    for node in (n for e in read if e is not None for n in model.walk(e)):
        if isinstance(node, model.AttributeRef) and node.name not in alike:
            help = f"Keep each place within one of them: `place of size … within {node.name}`."
            named = node.type.kind in (Kind.CATEGORY, Kind.BOOLEAN)
            ctx.report.add(
                "E0314",
                f"`{node.name}` differs from one {agent.name.id} to the next, and a place has one size.",
                node.span,
                help if named else "Give the size by what all of a place share, or without it.",
            )
            return False
    return True


def _sizes_from_table(ctx: Context, size: model.Distribution) -> bool:
    """Return True if the rows of a table of sizes are whole numbers of people."""
    keys = ctx.tables[size.table].keys[0] if size.table else ()
    wrong = next((k for k in keys if not k.isdigit() or int(k) < 1), None)
    if wrong is not None:
        ctx.report.add(
            "E0405",
            f"`{wrong}` is no number of people, so it cannot be the size of a place.",
            size.span,
            "The rows of a table of sizes are 1, 2, 3, ….",
        )
    return wrong is None
