"""Prompts: every slot in them is known, and everything known has a slot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lpmdsl.diagnostics import did_you_mean, instead
from lpmdsl.semantics import model
from lpmdsl.semantics.analysis.archetypes import DECISIONS
from lpmdsl.semantics.context import Context
from lpmdsl.semantics.resolve.tree_walk import SLOT
from lpmdsl.semantics.spans import word_span
from lpmdsl.source import Span
from lpmdsl.syntax import tree

_BRACES = re.compile(rf"{SLOT.pattern}|[{{}}]")


def check_prompts(ctx: Context, written: tree.Behaviour, made: model.Behaviour) -> None:
    """Report slots that nobody knows, braces that make no slot, and what is known to no purpose."""
    lines = (*(written.asks.prompt if written.asks is not None else ()), *written.system)
    known = [k.slot for k in made.knows] + ([DECISIONS] if made.remembers else [])
    used: set[str] = set()
    for slot, span in (found for line in lines for found in _slots(line)):
        used.add(slot)
        if slot not in known:
            _unknown(ctx, slot, span, known, made)
    if used <= set(known):
        _unused(ctx, made, used)


def _slots(line: tree.Text) -> Iterator[tuple[str, Span]]:
    """The names between braces and where they stand; "" for a brace alone.

    An import may have renamed a slot: its name is that of ``line``, its place that of the text as written.
    """
    source = line.span.source
    places = _BRACES.finditer(source.text, line.span.start, line.span.end)
    for slot, place in zip(_BRACES.finditer(line.text), places, strict=True):
        named = slot[1] is not None and slot[1] != ""
        start, end = place.span(1) if named else place.span()
        yield slot[1] or "", Span(source, start, end)


def _unknown(ctx: Context, slot: str, span: Span, known: list[str], made: model.Behaviour) -> None:
    if not slot:
        message, help = "A brace stands for nothing but the beginning or end of a slot.", "Write `{name}`, or no brace."
    elif slot == DECISIONS:
        message = "The decisions before this one are not remembered."
        help = "Add a line such as `remembers the last 2 decisions`."
    else:
        near, listed = did_you_mean(slot, known), ", ".join(f"`{{{name}}}`" for name in known)
        message = f"`{slot}` is not known to those who decide.{near}"
        help = f"The slots are {listed}." if near else f"Write `knows {slot}` too."
    ctx.report.add("E0733", message, span, help, fixes=instead(_inside(span), slot, known) if slot else ())


def _inside(span: Span) -> Span:
    """The name of a slot, without its braces."""
    braces = span.source.text[span.start : span.start + 1] == "{"
    return Span(span.source, span.start + braces, span.end - braces)


def _unused(ctx: Context, made: model.Behaviour, used: set[str]) -> None:
    """Report what is known and never read: each of its labels multiplies the calls."""
    if made.rule is not None:
        parts = list(model.walk(made.rule))
        read = {_name(e) for e in parts}
        whole = {replace(e, span=made.span) for e in parts}
        known = [k for k in made.knows if replace(k.value, span=made.span) not in whole]
        idle = [k for k in known if k.slot not in read and k.slot not in made.when]
        why = "the rule does not read it"
    else:
        idle = [k for k in made.knows if k.slot not in used]
        why = "no prompt names it, and yet everyone is asked once for each of its values"
    for known in idle:
        ctx.report.add(
            "W0734",
            f"`{known.slot}` is known, and {why}.",
            word_span(known.span, known.slot),
            f"Write `{{{known.slot}}}` into the prompt, or leave it out." if made.rule is None else "Leave it out.",
        )
    if made.remembers and DECISIONS not in used:
        ctx.report.add(
            "W0734",
            "Decisions are remembered, and no prompt names them.",
            word_span(made.span, "remembers"),
            f"Write `{{{DECISIONS}}}` into the prompt, or leave the line out.",
        )


def _name(expr: model.Expr) -> str:
    match expr:
        case model.AttributeRef() | model.ParameterRef():
            return expr.name
        case model.InState() | model.StateOf():
            return expr.condition
        case model.ObservationRef() | model.GroupReport():
            return expr.observation
        case _:
            return ""
