"""The command for editors: lsp."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from lpmdsl.cli.options import AllowFiles
from lpmdsl.diagnostics import fail
from lpmdsl.source import Source, Span


def lsp(
    allow_files: AllowFiles = False,
    stdio: Annotated[bool, typer.Option("--stdio", help="The only way to talk to it; some editors say so.")] = True,
) -> None:
    """Answer an editor on the standard streams: the language server."""
    if find_spec("pygls") is None:
        raise fail(
            "E0767", "The language server needs pygls, which is not installed.", Span(Source("lpmc lsp", ""), 0, 0),
            'Type: pip install "lpmdsl[lsp]"',
        )  # fmt: skip
    from lpmdsl.editor.server.serve import serve

    del stdio
    serve(allow_files)
