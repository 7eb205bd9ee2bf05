"""Networks: who meets whom, how often, on which days."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import numpy as np

from lpmdsl.diagnostics import LpmError, did_you_mean
from lpmdsl.networks.blocks import contradiction
from lpmdsl.networks.generators import NETWORKS, GeneratorArgument, NetworkGenerator
from lpmdsl.quantities import BOOLEAN, CONTACT_RATE, ERROR, NUMBER, PROBABILITY, Kind, Type
from lpmdsl.reading.door import must_be_there, names_shown, place_of, shown_name
from lpmdsl.reading.ends import ends_of
from lpmdsl.reading.problem import Problem
from lpmdsl.reading.tabular import TABULAR
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.vertices import constant as constant_value
from lpmdsl.semantics.checks.values.distributions import as_distribution, check_distribution
from lpmdsl.semantics.checks.values.expressions import check_test, check_value
from lpmdsl.semantics.checks.values.probabilities import not_negative
from lpmdsl.semantics.context import Context, text_of
from lpmdsl.semantics.data_files.named_files import read_data
from lpmdsl.semantics.resolve.scope import constant, making, running
from lpmdsl.source import Span
from lpmdsl.syntax import tree

CONTACTS = Type(Kind.NUMBER, CONTACT_RATE)


MOST_GROUPS = 254


def check_network(ctx: Context, written: tree.Network) -> model.Network | None:
    """The network; None after a report about what it is made of."""
    name = written.name.id
    if ctx.names.is_library and written.joins.id not in ctx.members:
        ctx.members[written.joins.id] = {}
    kind = ctx.agent_kind(written.joins)
    if kind is None:
        return None
    if written.days is not None and ctx.start is None and not ctx.names.is_library:
        ctx.report.add(
            "E0610",
            f"`{name}` runs on {written.days}, and the clock does not say which day is which.",
            written.name.span,
            "Write a date in `clock`: `from 2024-10-01 for 180 days`.",
        )
    contacts = None
    if written.contacts is not None:
        contacts = check_value(ctx, written.contacts, making(kind, f"the network `{name}`"), CONTACTS, "a contact rate")
        if contacts.type == ERROR or not _may_differ(ctx, written, contacts):
            return None
        not_negative(ctx, contacts, "a number of contacts")
    where = None
    if written.where is not None:
        where = check_test(ctx, written.where, running(kind, f"the network `{name}`"), "what follows `where`")
        if where.type == ERROR:
            return None
    to = _second_kind(ctx, written, kind)
    how = _layout(ctx, written, kind, contacts) if to is not None else None
    if how is None or to is None:
        return None
    layout, place, mixing, generator, file = how
    days = written.days or ""
    if days and not _a_day_is_whole(ctx):
        contacts, days = _share_of_week(ctx, written, name, contacts if mixing is None else None)
    return model.Network(
        name,
        kind,
        layout,
        place,
        mixing,
        generator,
        file,
        contacts,
        written.per_tie,
        days,
        written.doc,
        written.span,
        to,
        where,
    )


def _may_differ(ctx: Context, written: tree.Network, contacts: model.Expr) -> bool:
    """Return True if contacts are everybody's own only where that has a meaning; else a report."""
    plain = isinstance(written.how, tree.AtRandom) and written.how.mixing is None and written.to is None
    if not model.reads_agent(contacts) or plain:
        return True
    ctx.report.add(
        "E0623",
        f"{text_of(contacts.span)} differs from person to person, and only at random does everybody have contacts of "
        "their own.",
        contacts.span,
        "Write one number after `with`, and multiply in the contagion: "
        f"`from I on {written.name.id} at RATE * FACTOR`.",
    )
    return False


def _a_day_is_whole(ctx: Context) -> bool:
    """Return True if each step lies within one day."""
    each = 1 / ctx.step
    return each > 0.5 and abs(each - round(each)) < 1e-9


def _share_of_week(
    ctx: Context, written: tree.Network, name: str, contacts: model.Expr | None
) -> tuple[model.Expr | None, str]:
    """Contacts on a step of whole weeks, which have five weekdays in seven; else a report (E0725)."""
    weeks = ctx.step / 7
    if contacts is None or weeks < 0.5 or abs(weeks - round(weeks)) > 1e-9:
        why = "a day is no whole number of them" if ctx.step < 1 else "each of them has several days"
        ctx.report.add("E0725", f"`{name}` runs on {written.days}, and with steps of {ctx.step:g} days {why}.",
                       written.name.span, "Write `step 1 day` in `clock`.")  # fmt: skip
        return contacts, ""
    share = model.Literal_(5 / 7 if written.days == "weekdays" else 2 / 7, NUMBER, contacts.span)
    return model.Apply("mul", (contacts, share), contacts.type, contacts.span), ""


def _second_kind(ctx: Context, written: tree.Network, kind: str) -> str | None:
    """The kind after ``to``, "" if there is none; None after a report."""
    if written.to is None:
        return ""
    to = ctx.agent_kind(written.to)
    if to is None:
        return None
    if to == kind:
        ctx.report.add(
            "E0621",
            f"`{written.name.id}` joins {kind} to {kind}.",
            written.to.span,
            f"Among one kind write `joins {kind}`; after `to` stands another kind of agents.",
        )
        return None
    if not isinstance(written.how, tree.AtRandom) or written.how.mixing is not None or written.where is not None:
        ctx.report.add(
            "E0621",
            f"Two kinds of agents meet at random: `{written.name.id}` says another way.",
            written.to.span,
            f"Write `network {written.name.id} joins {kind} to {to} at random with 0.3 contacts per day`: "
            f"those of each {kind}.",
        )
        return None
    return to


Layout = tuple[str, str, str | None, model.Generator | None, str | None]


def _layout(ctx: Context, written: tree.Network, kind: str, contacts: model.Expr | None):
    match written.how:
        case tree.Sharing(place):
            return ("place", place.id, None, None, None) if _is_place(ctx, place, kind) else None
        case tree.AtRandom(mixing, span):
            if written.per_tie:
                ctx.report.add(
                    "E0617",
                    "At random nobody has ties, so contacts cannot be counted per tie.",
                    written.name.span,
                    "Leave `per tie` out.",
                )
                return None
            if mixing is not None and not _is_mixing(ctx, mixing, kind, contacts, span):
                return None
            return "random", "", mixing.id if mixing else None, None, None
        case tree.Generated(generator):
            made = _generator(ctx, generator)
            if made is None or not _blocks_agree(ctx, kind, made):
                return None
            return None if made is None else ("ties", "", None, made, None)
        case tree.FromFile(path, span):
            return ("ties", "", None, None, path) if _file_exists(ctx, path, span) else None
        case _:
            assert_never(written.how)


def _is_place(ctx: Context, place: tree.Name, kind: str) -> bool:
    members = ctx.members[kind]
    if place.id not in members and ctx.names.is_library:
        return True
    if place.id in members and members[place.id].is_place:
        return place.id not in ctx.broken
    places = [name for name, member in members.items() if member.is_place]
    what = "is not a place" if place.id in members else f"is no place of a {kind}"
    ctx.report.add(
        "E0605",
        f"`{place.id}` {what}.{did_you_mean(place.id, places)}",
        place.span,
        f"Declare it in `agent {kind}`: `{place.id} place of size 20`.",
    )
    return False


def _is_mixing(ctx: Context, name: tree.Name, kind: str, contacts: model.Expr | None, span: Span) -> bool:
    """Return True if the table is contacts per day by one category attribute of the kind, twice."""
    table = ctx.tables.get(name.id)
    if table is None:
        if name.id not in ctx.broken:
            ctx.unknown(name, "a table", ctx.names.tables())
        return False
    why = ""
    if len(table.keys) != 2 or table.key_attributes[0] != table.key_attributes[1]:
        why = f"is by {', '.join(a or 'its rows' for a in table.key_attributes)}, and mixing is by one attribute twice"
    elif table.key_attributes[0] not in ctx.members[kind] and not ctx.names.is_library:
        why = f"is by `{table.key_attributes[0]}`, which a {kind} does not have"
    elif table.type.dimension != CONTACT_RATE:
        why = f"is of {table.type}, and mixing is contacts per day"
    elif len(table.keys[0]) > MOST_GROUPS:
        why = f"has {len(table.keys[0])} groups, and people of {MOST_GROUPS} groups at most mix by a table"
    elif contacts is not None:
        why = "says already how many contacts a day there are, and `with` says it again"
    if why:
        ctx.report.add(
            "E0608",
            f"The mixing table `{name.id}` {why}.",
            name.span,
            "Write `table NAME by age_group, age_group of contacts per day`.",
        )
    return not why


def _file_exists(ctx: Context, path: str, span: Span) -> bool:
    try:
        must_be_there(path, place_of(span.source))
    except Problem as problem:
        problem.tell(ctx.report, span)
        return False
    if Path(path).suffix.lower() in TABULAR:
        return _has_ends(ctx, path, span)
    return _is_graph(ctx, path, span)


def _is_graph(ctx: Context, path: str, span: Span) -> bool:
    """Return True if a graph file reads; else what a run would say is reported.

    Warns of what it says of its ties beyond their ends (W0653). How many agents it needs is looked at by a run.
    """
    from lpmdsl.networks.files import unused_in_graph  # brings pandas, which a check does without otherwise

    try:
        unused = unused_in_graph(path, place_of(span.source), span)
    except Problem as problem:
        problem.tell(ctx.report, span)
        return False
    except LpmError as error:
        for told in error.report.diagnostics:
            ctx.report.add(told.code, told.message, span, told.help)
        return False
    if unused:
        ctx.report.add(
            "W0653",
            f"`{shown_name(path)}` tells its ties apart by {names_shown(unused)}; every tie counts the same.",
            span,
            "Write the file without it, or only those ties that count.",
        )
    return True


def _has_ends(ctx: Context, path: str, span: Span) -> bool:
    """Return True if a table of ties has two ends, which a run looks up. Unused columns are reported (W0653)."""
    data = read_data(ctx, path, span)
    if data is None:
        return False
    try:
        ends = ends_of(data)
    except Problem as problem:
        problem.tell(ctx.report, span)
        return False
    if ends.unused:
        first, second = (data.shown(c.name) for c in ends.columns)
        ctx.report.add(
            "W0653",
            f"The ends of the ties are the columns {first} and {second} of `{data.name}`; every tie counts "
            f"the same, and nothing is read from {names_shown(ends.unused)}.",
            span,
            "Delete the columns that say nothing here; the ends may be named `source` and `target`.",
        )
    return True


# ------------------------------------------------------------------ generators


def _generator(ctx: Context, written: tree.Generator) -> model.Generator | None:
    row = NETWORKS.get(written.name.id)
    if row is None:
        ctx.report.add(
            "E0606",
            f"There is no network generator `{written.name.id}`.{did_you_mean(written.name.id, NETWORKS)}",
            written.name.span,
            f"There are {', '.join(NETWORKS)}.",
        )
        return None
    names = [a.name for a in row.arguments]
    given = {a.name or (names[i] if i < len(names) else "?"): a for i, a in enumerate(written.arguments)}
    why = _arguments_missing(row, set(given)) or (
        "an argument stands twice" if len(given) < len(written.arguments) else ""
    )
    if why:
        ctx.report.add(
            "E0606",
            f"`{row.name}`: {why}.",
            written.span,
            "It takes " + ("; ".join(f"`{a.name}`: {a.help}" for a in row.arguments) or "nothing") + ".",
        )
        return None
    checked = [(a.name, _argument(ctx, a, given[a.name])) for a in row.arguments if a.name in given]
    if any(value is None for _, value in checked):
        return None
    return model.Generator(row.name, tuple((n, v) for n, v in checked if v is not None), written.span)


def _arguments_missing(row: NetworkGenerator, given: set[str]) -> str:
    for name in given:
        if row.argument(name) is None:
            return f"it has no argument `{name}`{did_you_mean(name, [a.name for a in row.arguments]).rstrip('?')}"
    if row.one_of and len(given & set(row.one_of)) != 1:
        return f"exactly one of {' and '.join(f'`{n}`' for n in row.one_of)} is written"
    needed = [a.name for a in row.arguments if a.default is None and a.name not in (*row.one_of, *row.optional)]
    missing = [name for name in needed if name not in given]
    return f"`{missing[0]}` is missing" if missing else ""


def _argument(
    ctx: Context, wanted: GeneratorArgument, written: tree.GeneratorArgument
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
            drawn = as_distribution(written.value)
            if drawn is not None:
                return check_distribution(ctx, drawn, NUMBER, "draw", scope)
            ctx.report.add(
                "E0606",
                f"{text_of(written.span)} is not a distribution of numbers of ties.",
                written.span,
                "Write, for example, `degrees poisson(mean 4)` or the name of a table of shares.",
            )
            return None
        case "blocks":
            return _blocks(ctx, written)
        case _:
            assert_never(wanted.kind)


def _no_number(ctx: Context, wanted: GeneratorArgument, written: tree.Distribution) -> None:
    """Report a distribution where one number belongs (E0606)."""
    message = f"{text_of(written.span)} is a distribution, and `{wanted.name}` is one number: {wanted.help}."
    ctx.report.add("E0606", message, written.span, f"Write the number, as in `{wanted.name} 4`.")


def _blocks_agree(ctx: Context, kind: str, made: model.Generator) -> bool:
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
