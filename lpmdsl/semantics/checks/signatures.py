"""Signatures of declarations, before their insides are looked at: members with their types, states."""

from __future__ import annotations

from lpmdsl.diagnostics import Label, did_you_mean, instead
from lpmdsl.quantities import BOOLEAN, ERROR, PROBABILITY, SHARE, Kind, Type
from lpmdsl.reading.cells import MISSING
from lpmdsl.semantics.checks.attributes import label_of
from lpmdsl.semantics.checks.tables.categories import labels_named
from lpmdsl.semantics.checks.tables.labelled import value_type
from lpmdsl.semantics.checks.values.dates import DATE
from lpmdsl.semantics.context import Context, Member
from lpmdsl.semantics.data_files.named_files import distinct, need_column, read_data
from lpmdsl.source import Span
from lpmdsl.syntax import tree

PLACE = Type(Kind.PLACE)
MOST_STATES = 255
"""The state of a person is kept in a byte."""
MOST_LABELS = 65_535
_PLAIN = {"yes/no": BOOLEAN, "share": SHARE, "probability": PROBABILITY, "date": DATE}


def sign_agents(ctx: Context) -> None:
    """Every kind's members with their types into ``ctx.members``."""
    for name, agent in ctx.names.agents().items():
        members = ctx.members[name] = {}
        places: dict[str, Span] = {}
        for written in agent.attributes:
            member = written.name.id
            if member in members or ctx.names.word_of(member) is not None:
                _clash(ctx, written.name, places.get(member))
                continue
            members[member] = (
                Member(PLACE, written.name.span, True)
                if isinstance(written, tree.Place)
                else member_of(ctx, agent, written)
            )
            places[member] = written.name.span


def _clash(ctx: Context, name: tree.Name, first: Span | None) -> None:
    word = ctx.names.word_of(name.id)
    where = (
        [Label(first, "first declared here")]
        if first
        else ([Label(ctx.names.named[word][name.id].name.span, "declared here as well")] if word else [])
    )
    ctx.report.add(
        "E0202",
        f"`{name.id}` is declared twice, so a reader cannot tell which one is meant.",
        name.span,
        "Rename or delete one of them.",
        where,
    )


def member_of(ctx: Context, agent: tree.Agent, written: tree.Attribute) -> Member:
    """The type of an attribute or of a column of ties; an error type after a report."""
    computed = isinstance(written.value, tree.Band)
    if written.type.name == "category":
        return Member(_category(ctx, agent, written), written.name.span, is_computed=computed)
    if written.type.name in _PLAIN and written.type.unit is None:
        return Member(_PLAIN[written.type.name], written.name.span, is_computed=computed)
    kind, _ = value_type(written.type)
    if kind == ERROR:
        known = ["category", "number", "duration", "money", *_PLAIN]
        ctx.report.add(
            "E0603",
            f"`{written.type.name}` is not a type that an attribute can have.{did_you_mean(written.type.name, known)}",
            written.type.span,
            f"Write {', '.join(known)} or a unit.",
            fixes=instead(written.type.span, written.type.name, known),
        )
    return Member(kind, written.name.span, is_computed=computed)


def _category(ctx: Context, agent: tree.Agent, written: tree.Attribute) -> Type:
    """The labels: those named, of the bands, of the shares drawn from, or the different texts of the file's column."""
    labels: tuple[str, ...] | None = tuple(label.id for label in written.labels) or None
    if labels is None and isinstance(written.value, tree.Band):
        labels = tuple(label.id for label in written.value.labels)
    elif labels is None and written.drawn is not None:
        labels = _drawn_labels(ctx, agent, written.drawn)
    elif labels is None and isinstance(written.value, tree.Lookup):
        table = ctx.names.tables().get(written.value.table.id)
        labels = labels_named(ctx, table) if table is not None else None
    elif labels is None and isinstance(written.value, tree.Name):
        same = ctx.members.get(agent.name.id, {}).get(written.value.id)
        labels = same.type.labels or None if same is not None else None
    elif labels is None and agent.file is not None and written.value is None:
        labels = _file_labels(ctx, agent, written)
        if labels is None:
            return ERROR
    if not labels:
        ctx.report.add(
            "E0603",
            f"Nothing names the labels of the category `{written.name.id}`.",
            written.name.span,
            f"Write `{written.name.id} category one of a, b`.",
        )
        return ERROR
    if len(set(labels)) < len(labels):
        ctx.report.add(
            "E0202",
            f"A label of `{written.name.id}` is a duplicate.",
            written.name.span,
            "Delete or rename one of them.",
        )
        return ERROR
    if len(labels) > MOST_LABELS:
        ctx.report.add(
            "E0882",
            f"`{written.name.id}` has {len(labels):_} labels, and a category has {MOST_LABELS:_} at most.",
            written.name.span,
            "Make it a number, or a coarser category.",
        )
        return ERROR
    return Type(Kind.CATEGORY, labels=labels)


def _drawn_labels(ctx: Context, agent: tree.Agent, drawn: tree.Distribution) -> tuple[str, ...] | None:
    table = ctx.names.tables().get(drawn.name.id)
    if table is not None and (drawn.keys or table.by):
        return _last_labels(ctx, agent, table)
    if table is not None:
        return tuple(row.keys[0].id for row in table.rows if row.keys)
    return tuple(a.name for a in drawn.arguments if a.name is not None)


def _last_labels(ctx: Context, agent: tree.Agent, table: tree.Table) -> tuple[str, ...] | None:
    """The labels of a table's last category: of the attribute that has them already, else those that its rows name."""
    last = table.by[-1].id if table.by else ""
    for members in (ctx.members.get(agent.name.id, {}), *ctx.members.values()):
        if last in members:
            return members[last].type.labels or None
    if table.file is None:
        return tuple(dict.fromkeys(row.keys[-1].id for row in table.rows if row.keys)) or None
    data = read_data(ctx, table.file, table.file_span or table.span)
    column = need_column(ctx, data, last, table.by[-1].span) if data is not None else None
    return (
        tuple(label for label in distinct(data, column) if label not in MISSING)
        if data is not None and column is not None
        else None
    )


def _file_labels(ctx: Context, agent: tree.Agent, written: tree.Attribute) -> tuple[str, ...] | None:
    """Sorted distinct texts; None where the file or column is missing (reported when the file is checked)."""
    data = read_data(ctx, agent.file or "", agent.file_span or agent.span)
    column = need_column(ctx, data, written.name.id, written.name.span) if data else None
    if data is None or column is None:
        return None
    found = {label for label in distinct(data, column) if label not in MISSING}
    if written.missing is not None:
        found.add(label_of(written.missing))
    return tuple(sorted(found))


def sign_conditions(ctx: Context) -> None:
    """Every condition's states and kind; one that is about no known agent is broken, and reported."""
    for name, condition in ctx.names.conditions().items():
        states = tuple(state.id for state in condition.states)
        for k, state in enumerate(condition.states):
            if state.id in states[:k]:
                first = [Label(condition.states[states.index(state.id)].span, "first listed here")]
                message = f"State `{state.id}` is listed twice."
                ctx.report.add("E0511", message, state.span, "Delete one of them.", first)
        if ctx.names.is_library and condition.of.id not in ctx.members:
            ctx.members[condition.of.id] = {}
        kind = ctx.agent_kind(condition.of)
        if kind is None or not states:
            ctx.broken.add(name)
            if not states:
                ctx.report.add("E0112", f"{name} has no states.", condition.name.span, "Write `states S, I, R`.")
            continue
        if len(states) > MOST_STATES:
            message = f"{name} has {len(states):_} states, and a condition has {MOST_STATES} at most."
            span = condition.states[MOST_STATES].span
            ctx.report.add("E0882", message, span, "Split it into several conditions, or draw longer times in fewer.")
            ctx.broken.add(name)
            continue
        ctx.states[name] = tuple(dict.fromkeys(states))
        ctx.kind_of[name] = kind
