"""The command for editors: lsp."""

from __future__ import annotations

from typing import Annotated

import typer

from lpmdsl.cli.options import AllowFiles
from lpmdsl.extras import require


def lsp(
    allow_files: AllowFiles = False,
    stdio: Annotated[bool, typer.Option("--stdio", help="The only way to talk to it; some editors say so.")] = True,
) -> None:
    """Answer an editor on the standard streams: the language server."""
    require("pygls")
    from lpmdsl.editor.server.serve import serve

    del stdio
    serve(allow_files)
