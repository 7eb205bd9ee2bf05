"""The canonical layout of a model: two spaces, one blank line between kinds of declarations, every comment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lpmdsl.source import Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.formatting.declarations import lines
from lpmdsl.syntax.formatting.lines import Line

_KEYWORDS = {
    t.Use: "use",
    t.Clock: "clock",
    t.Parameter: "parameter",
    t.Table: "table",
    t.Agent: "agent",
    t.Network: "network",
    t.Condition: "condition",
    t.Contagion: "contagion",
    t.Observe: "observe",
    t.Intervention: "intervention",
    t.Rule: "rule",
    t.Behaviour: "behaviour",
    t.Calibrate: "calibrate",
    t.Scenario: "scenario",
    t.Compare: "compare",
    t.CheckQuantity: "check",
    t.CheckAlways: "check",
    t.Header: "header",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A declaration or a comment at the left margin: its text and the rows on which it was written."""

    keyword: str
    text: str
    first_row: int
    last_row: int

    @property
    def is_comment(self) -> bool:
        """Return True if the block is a comment alone."""
        return not self.keyword


def format_module(module: t.Module) -> str:
    """The module in canonical layout.

    Raises ``ValueError`` for a module with declarations that could not be read: they are not in the
    tree, and formatting would lose them.
    """
    if not _is_whole(module):
        raise ValueError(f"{module.source.name} has mistakes; nothing was formatted")
    blocks = _blocks(module)
    pieces: list[str] = []
    for i, block in enumerate(blocks):
        if i and _blank_between(blocks, i):
            pieces.append("")
        pieces.append(block.text)
    return "\n".join(pieces) + "\n" if pieces else ""


def _is_whole(module: t.Module) -> bool:
    """Return True if the declarations and comments are all that the text holds."""
    text, last, rest = module.source.text, 0, []
    for node in _nodes(module):
        rest.append(text[last : node.span.start])
        last = node.span.end
    rest.append(text[last:])
    code = (line.split("#", 1)[0] for part in rest for line in part.split("\n"))
    return not any(part.strip(" \t\r\u00a0\ufeff") for part in code)


def _nodes(module: t.Module) -> list[t.Header | t.Declaration]:
    return [*([module.header] if module.header else []), *module.declarations]


def _blank_between(blocks: Sequence[Block], i: int) -> bool:
    """Return True if a blank line stands before block ``i``: as written, and always between different keywords."""
    before, block = blocks[i - 1], blocks[i]
    if block.first_row - before.last_row > 1:
        return True
    if before.is_comment or _may_touch(before, _next_declaration(blocks, i)):
        return False
    run = [*blocks[i : _next_index(blocks, i)], _next_declaration(blocks, i)]
    gaps = pairwise(run)
    return not any(after and first and after.first_row - first.last_row > 1 for first, after in gaps)


def _next_index(blocks: Sequence[Block], i: int) -> int:
    return next((j for j in range(i, len(blocks)) if not blocks[j].is_comment), len(blocks))


def _next_declaration(blocks: Sequence[Block], i: int) -> Block | None:
    j = _next_index(blocks, i)
    return blocks[j] if j < len(blocks) else None


def _may_touch(first: Block, second: Block | None) -> bool:
    if second is None:
        return True
    return first.keyword == second.keyword or (first.keyword, second.keyword) == ("header", "use")


# ------------------------------------------------------------------ blocks


def _blocks(module: t.Module) -> list[Block]:
    nodes = _nodes(module)
    waiting = list(reversed(module.comments))
    blocks: list[Block] = []
    for i, node in enumerate(nodes):
        while waiting and waiting[-1].span.start < node.span.start:
            blocks.append(_comment_block(waiting.pop()))
        end = nodes[i + 1].span.start if i + 1 < len(nodes) else len(module.source.text)
        blocks.append(_declaration_block(node, waiting, end))
    return [*blocks, *(_comment_block(comment) for comment in reversed(waiting))]


def _comment_block(comment: t.Comment) -> Block:
    return Block("", comment.text, comment.span.line, comment.span.line)


def _declaration_block(node: t.Header | t.Declaration, waiting: list[t.Comment], end: int) -> Block:
    """The text of a declaration with the comments that belong to it, taken from ``waiting``."""
    made = lines(node)
    starts = [*(line.start for line in made[1:]), end]
    texts: list[str] = []
    last = node.span.end
    for line, following in zip(made, starts, strict=True):
        above = _take(waiting, max(line.start, line.end))
        texts += [_indented(comment.text, line.indent) for comment in above]
        texts += _documented(line)
        trailing = _take(waiting, following, trailing=True)
        texts[-1] += "".join(f"  {comment.text}" for comment in trailing[:1])
        texts += [_indented(comment.text, line.indent) for comment in trailing[1:]]
    while waiting and waiting[-1].span.start < end and waiting[-1].span.column > 1:
        comment = waiting.pop()
        last = comment.span.end
        texts.append(_indented(comment.text, 1))
    doc_rows = node.doc.count("\n") + 1 if node.doc or _has_doc(node) else 0
    return Block(_KEYWORDS[type(node)], "\n".join(texts), node.span.line - doc_rows, _row(node.span, last))


def _take(waiting: list[t.Comment], end: int, trailing: bool = False) -> list[t.Comment]:
    """The next comments before ``end``; with ``trailing`` only those beside code."""
    taken = []
    while waiting and waiting[-1].span.start < end and not (trailing and waiting[-1].own_line):
        taken.append(waiting.pop())
    return taken


def _has_doc(node: t.Header | t.Declaration) -> bool:
    row = node.span.line
    return row > 1 and node.span.source.line(row - 1).strip().startswith("##")


def _row(span: Span, offset: int) -> int:
    return replace(span, start=max(span.start, offset - 1)).line


def _documented(line: Line) -> list[str]:
    doc = [f"## {text}".rstrip() for text in line.doc.split("\n")] if line.doc else []
    return [*(_indented(text, line.indent) for text in doc), _indented(line.text, line.indent)]


def _indented(text: str, indent: int) -> str:
    return "  " * indent + text
