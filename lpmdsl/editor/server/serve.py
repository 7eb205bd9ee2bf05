"""Run the server on the standard streams."""

from __future__ import annotations

import gc
import logging
import sys

from lpmdsl.editor.server.app import Server
from lpmdsl.editor.server.features import register
from lpmdsl.syntax.grammar import declaration_parser


def serve(allow_files: bool = False) -> None:
    """Answer on the standard streams until the client goes. What goes wrong is written on the error stream."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # a renaming that is refused is no error
    server = Server(allow_files)
    register(server)
    declaration_parser()
    # A walk through all objects takes longer than an answer: it is left to the pauses of the writer.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    server.start_io()
