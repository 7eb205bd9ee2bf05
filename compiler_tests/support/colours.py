"""A model's text coloured piece by piece: by Pygments, by the TextMate grammar, and by what the parser made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import onigurumacffi
from lark import Token
from lark.exceptions import UnexpectedInput
from pygments.token import Text

from lpmdsl.colouring.classes import Colour
from lpmdsl.colouring.lexer import LpmLexer
from lpmdsl.colouring.textmate import grammar
from lpmdsl.source import Source
from lpmdsl.syntax.chunks import lines_of, split
from lpmdsl.syntax.grammar import declaration_parser

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("models", "stdlib", "compiler_tests", "benchmarks")
MODELS = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.lpm"))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in MODELS}


COLOUR_OF = {colour.scope: colour for colour in Colour}


def by_pygments(text: str) -> list[object]:
    """Pygments' type of token of every character; None for blanks and what has no colour."""
    blank = (Text, Text.Whitespace)
    return [None if kind in blank else kind for _, kind, part in LpmLexer().get_tokens_unprocessed(text) for _ in part]


def by_textmate(text: str) -> list[str]:
    """The scope of every character by the grammar, or nothing: in a line the earliest match, the first of several."""
    return [scope for line in re.findall(r"[^\n]*\n|[^\n]+", text) for scope in _line(line)]


@cache
def _grammar() -> tuple[list[dict[str, Any]], Any]:
    patterns = json.loads(grammar())["patterns"]
    return patterns, onigurumacffi.compile_regset(*(p["match"] for p in patterns))


def _line(line: str) -> list[str]:
    patterns, regset = _grammar()
    scopes, at = [""] * len(line), 0
    while at < len(line):
        which, match = regset.search(line, at)
        if match is None or match.end() == match.start():
            break
        groups = patterns[which].get("captures") or {"0": {"name": patterns[which].get("name", "")}}
        for group, scope in groups.items():
            scopes[match.start(int(group)) : match.end(int(group))] = [scope["name"]] * len(match.group(int(group)))
        at = match.end()
    return scopes


def tokens_of(text: str) -> Iterator[tuple[int, Token]]:
    """The tokens of every declaration that the parser takes, with their offsets in the text."""
    source = Source("model.lpm", text)
    for chunk, _ in split(source, lines_of(source)):
        if not chunk.keyword or chunk.problem:
            continue
        parser = declaration_parser().parse_interactive(chunk.text)
        try:
            tokens = list(parser.iter_parse())
            parser.feed_eof()
        except UnexpectedInput:
            continue
        yield from ((chunk.start + (token.start_pos or 0), token) for token in tokens)
