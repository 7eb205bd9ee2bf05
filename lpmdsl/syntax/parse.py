"""From text to a syntax tree: every declaration on its own, so that each mistake gives its own report."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from lark import Token, Tree
from lark.exceptions import UnexpectedInput

from lpmdsl.diagnostics import Fix, Report, did_you_mean, instead, replaced
from lpmdsl.escaping import LINE_BREAKS, MOST_LABEL, MOST_NAME, hidden_in_lines, shown
from lpmdsl.source import MAX_BYTES, Source, Span
from lpmdsl.syntax import tree as t
from lpmdsl.syntax.build.declarations import TreeBuilder
from lpmdsl.syntax.chunks import Chunk, Docs, close_starter, lines_of, split
from lpmdsl.syntax.grammar import declaration_parser
from lpmdsl.syntax.mistakes import Stop, explain
from lpmdsl.syntax.words import CLAUSES, HEADERS, LATER, LATER_PARTS, STARTERS

# Deeper trees would exhaust Python's stack in the passes that walk them by recursion.
MAX_DEPTH = 150
MAX_SIGNS = 100
# A file with more broken declarations than this is something else than a model.
MAX_BROKEN = 200
# Hidden characters that are reported one by one.
MAX_HIDDEN = 10
# Declarations whose trees are kept, by their text, and the longest of them: an editor asks for a text again and again
# with one declaration changed, and each scenario's values are checked with the whole text.
MOST_KEPT = 2_000
LONGEST_KEPT = 10_000


def read_source(path: Path, report: Report, allow_files: bool = False) -> Source | None:
    """The text of a file that the person at the keyboard named, or ``None`` with the reason in the report.

    ``allow_files``: the text may name any plain file, not only those beside it and below.
    """
    path = Path(path)
    nowhere = Span(Source(str(path), ""), 0, 0)
    try:
        if path.is_dir():
            report.add("E0104", f"`{path}` is a folder, not a model", nowhere, "Name a `.lpm` file inside it")
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        report.add("E0104", f"`{path}` cannot be read: {reason}", nowhere, "Check the name and the permissions")
        return None
    return source_of(path, data, report, allow_files=allow_files)


def source_of(
    path: Path, data: bytes, report: Report, readable: tuple[Path, ...] = (), allow_files: bool = False
) -> Source | None:
    """The text of bytes that have been read, or ``None`` after a report: too large, or no text.

    ``readable``: folders beside its own whose files it may name.
    """
    nowhere = Span(Source(str(path), ""), 0, 0)
    if len(data) > MAX_BYTES:
        report.add("E0105", _too_large(str(path)), nowhere, 'Put data into CSV files and name them `from "…"`')
        return None
    return _decoded(path, data, report, nowhere, readable, allow_files)


def _too_large(name: str) -> str:
    return f"`{name}` is larger than {MAX_BYTES // 1_000_000} MB, too large for a model"


def _decoded(
    path: Path, data: bytes, report: Report, nowhere: Span, readable: tuple[Path, ...], allow_files: bool
) -> Source | None:
    help = "Save the model as plain text in UTF-8"
    if b"\0" in data:
        report.add("E0106", f"`{path}` is not text: it contains zero bytes", nowhere, help)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report.add("E0106", f"`{path}` is not text in UTF-8 (line {line})", nowhere, help)
        return None
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return Source(path.name, text, path, readable, allow_files)


def parse(source: Source, report: Report) -> t.Module:
    """The syntax tree of what could be read; everything else is in the report."""
    if len(source.text) > MAX_BYTES:
        report.add("E0105", _too_large(source.name), Span(source, 0, 0), "Put data into CSV files")
        return t.Module(source, None, (), ())
    if _hides(source, report):
        return t.Module(source, None, (), ())
    lines = lines_of(source)
    docs = Docs(lines)
    comments: list[t.Comment] = []
    nodes: list[t.Header | t.Declaration] = []
    keywords: list[str] = []
    broken = 0
    for chunk, found in split(source, lines):
        comments.extend(found)
        if not chunk.text:
            continue
        keywords.append(chunk.keyword or close_starter(chunk.word))
        _check_header(source, chunk, keywords, report)
        node = _declaration(source, chunk, docs, report)
        if node is not None:
            nodes.append(node)
        elif (broken := broken + 1) >= MAX_BROKEN:
            report.add("E0101", "Too many mistakes: the rest was not read", Span(source, chunk.start, chunk.start + 1))
            break
    if not keywords:
        report.add("E0108", "This file is empty", Span(source, 0, 0), _HEADER_HELP)
    return _module(source, nodes, [c for c in comments if c.span.start not in docs.claimed])


def _hides(source: Source, report: Report) -> bool:
    """Return True if the text has characters that nobody sees; what follows from them is not worth reporting."""
    found = list(islice(hidden_in_lines(source.text), MAX_HIDDEN))
    for offset in found:
        character = source.text[offset]
        message = f"{shown(character)} stands here: a character that cannot be seen, and may end, hide or move text"
        help = _LINE_END_HELP if character in LINE_BREAKS else "Delete it"
        report.add("E0115", message, Span(source, offset, offset + 1), help)
    return bool(found)


_LINE_END_HELP = "Delete it, and press Enter where a line is to end; a prompt goes on in a string on the next line"
_HEADER_HELP = "Start the file with `model NAME version 1.0` or `library NAME version 1.0`"


def _check_header(source: Source, chunk: Chunk, keywords: list[str], report: Report) -> None:
    """The header comes first and once."""
    span = _word_span(source, chunk)
    if len(keywords) == 1 and keywords[0] not in HEADERS:
        report.add("E0108", "The file does not say what it is: `model` or `library`", span, _HEADER_HELP)
    elif len(keywords) > 1 and chunk.keyword in HEADERS:
        help = "Remove this line, or make it a file of its own"
        report.add("E0111", "A file has one header, in its first line", span, help)


def _module(source: Source, nodes: list[t.Header | t.Declaration], comments: list[t.Comment]) -> t.Module:
    header = nodes[0] if nodes and isinstance(nodes[0], t.Header) else None
    declarations = tuple(node for node in nodes if not isinstance(node, t.Header))
    return t.Module(source, header, declarations, tuple(comments))


def _word_span(source: Source, chunk: Chunk) -> Span:
    return Span(source, chunk.start, chunk.start + max(1, len(chunk.word)))


def _declaration(source: Source, chunk: Chunk, docs: Docs, report: Report) -> t.Header | t.Declaration | None:
    """The node of a chunk, or ``None`` with one report."""
    if not chunk.keyword:
        _unknown_declaration(source, chunk, report)
        return None
    if not _is_supported(source, chunk, report):
        return None
    if chunk.problem is not None:
        problem = chunk.problem
        report.add(problem.code, problem.message, problem.span, problem.help)
        return None
    tree = _lark_tree(source, chunk, report)
    if tree is None:
        return None
    _check_indentation(source, chunk, report)
    return TreeBuilder(source, chunk.start, chunk.text, report, docs).transform(tree)


def _unknown_declaration(source: Source, chunk: Chunk, report: Report) -> None:
    word = chunk.word or chunk.text.strip()[:1]
    near = close_starter(chunk.word)
    owners = [f"`{name}`" for name, clauses in CLAUSES.items() if chunk.word in clauses]
    hint = f" Did you mean `{near}`?" if near else did_you_mean(chunk.word, STARTERS)
    if owners and not near:
        hint = f" It is a clause of {' and '.join(owners)}."
    help = "A declaration starts with a word such as `clock`, `parameter`, `agent` or `condition`"
    place = _word_span(source, chunk)
    fixes = [replaced(place, near)] if near else () if owners else instead(place, chunk.word, STARTERS)
    report.add("E0102", f"No declaration starts with `{word}`.{hint}", place, help, fixes=fixes)


def _is_supported(source: Source, chunk: Chunk, report: Report) -> bool:
    sentence = LATER.get(chunk.keyword)
    first_line = re.sub(r'"[^"\n]*"', '""', chunk.text.split("\n", 1)[0])
    for pattern, part in LATER_PARTS:
        if re.match(pattern, first_line):
            sentence = part
    if sentence:
        report.add("E0103", sentence, _word_span(source, chunk), "The rest of the file is checked without it")
    return sentence is None


def _check_indentation(source: Source, chunk: Chunk, report: Report) -> None:
    if chunk.indented:
        message = f"`{chunk.keyword}` starts a declaration and yet is indented"
        margin = source.text.rfind("\n", 0, chunk.start) + 1
        fix = Fix("Move it to the left margin", Span(source, margin, chunk.start), "")
        report.add("W0114", message, _word_span(source, chunk), "Move it to the left margin", fixes=[fix])
    for offset in chunk.loose[:1]:
        word = re.match(r'\w+|"[^"\n]*"|.', source.text[offset : offset + 200])
        end = offset + (len(word.group()) if word else 1)
        message = f"This line belongs to `{chunk.keyword}` and yet is not indented"
        fix = Fix("Indent it by two spaces", Span(source, offset, offset), "  ")
        report.add("W0114", message, Span(source, offset, end), "Indent it by two spaces", fixes=[fix])


# ------------------------------------------------------------------ one declaration


def _lark_tree(source: Source, chunk: Chunk, report: Report) -> Tree | None:
    """Lark's tree of a chunk, or ``None`` with the first mistake reported. Its places count from the chunk's start."""
    kept = _KEPT.get(chunk.text)
    if kept is not None:
        return kept
    tree = _read_tree(source, chunk, report)
    if tree is None or _is_too_deep(source, chunk, tree, report) or _is_too_long(source, chunk, tree, report):
        return None
    if len(chunk.text) <= LONGEST_KEPT:
        while len(_KEPT) >= MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[chunk.text] = tree
    return tree


_KEPT: dict[str, Tree] = {}


def _read_tree(source: Source, chunk: Chunk, report: Report) -> Tree | None:
    parser = declaration_parser().parse_interactive(chunk.text)
    tokens: list[Token] = []
    try:
        for token in parser.iter_parse():
            tokens.append(token)
        return parser.feed_eof()
    except UnexpectedInput as error:
        wrong = getattr(error, "token", None)
        ended = wrong is not None and wrong.type == "$END"
        position = len(chunk.text.rstrip()) if ended else error.pos_in_stream or 0
        before = tokens if ended else [token for token in tokens if (token.start_pos or 0) < position]
        explain(_stop(source, chunk, before, position), report)
    return None


def _stop(source: Source, chunk: Chunk, before: list[Token], position: int) -> Stop:
    """Place and expected terminals after the tokens ``before``.

    The tokens before are fed again, because a parser that has met a wrong token has already forgotten
    what else could have come.
    """
    again = declaration_parser().parse_interactive(chunk.text)
    for token in before:
        again.feed_token(token)
    last = tuple((token.type, str(token)) for token in before[-2:])
    accepts = frozenset(again.accepts())
    return Stop(source, chunk.start, chunk.text, chunk.keyword, position, accepts, last)


def _is_too_deep(source: Source, chunk: Chunk, tree: Tree, report: Report) -> bool:
    """Return True if an expression is nested too deeply to be walked by recursion."""
    waiting = [(tree, 0, 0)]
    while waiting:
        node, depth, signs = waiting.pop()
        signs = signs + 1 if node.data in ("negated", "minus") else 0
        if depth > MAX_DEPTH or signs > MAX_SIGNS:
            start = chunk.start + node.meta.start_pos
            message = f"This expression is more than {MAX_SIGNS if signs > MAX_SIGNS else MAX_DEPTH} operations deep"
            help = "Name a part of it with `parameter` or `observe`"
            report.add("E0107", message, Span(source, start, start + 1), help)
            return True
        waiting.extend((child, depth + 1, signs) for child in node.children if isinstance(child, Tree))
    return False


def _is_too_long(source: Source, chunk: Chunk, tree: Tree, report: Report) -> bool:
    """Return True if a name or label has more letters than files and readers take; names become parts of file names."""
    found = False
    for node in tree.iter_subtrees():
        for token in (child for child in node.children if isinstance(child, Token)):
            is_text = token.startswith('"')
            most = (MOST_LABEL + 2 if node.data in _LABELLED else MAX_BYTES) if is_text else MOST_NAME
            if len(token) > most:
                number = "number" if token.type == "NUMBER" else "name"
                what, limit = ("label", MOST_LABEL) if is_text else (number, MOST_NAME)
                start = chunk.start + (token.start_pos or 0)
                message = f"This {what} has {len(token) - 2 * is_text:,} characters, more than {limit}"
                report.add("E0116", message, Span(source, start, start + len(token)), "Give it a shorter one")
                found = True
    return found


_LABELLED = {"label", "said", "named_argument"}
"""Rules whose strings are labels, and not prompts, sources or the names of files."""
