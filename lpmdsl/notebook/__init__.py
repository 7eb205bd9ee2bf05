"""Models in notebooks: ``%load_ext lpmdsl.notebook``, then ``%%lpm`` for a text and ``%lpmc`` for a command."""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Add the magics to a shell of IPython, and colours of ``%%lpm`` where it colours what is typed."""
    from lpmdsl.notebook.magics import LpmMagics, colour_cells

    shell.register_magics(LpmMagics)
    colour_cells(shell)
