"""The magics: a cell that is the text of a model, and a line that is a command."""

from __future__ import annotations

import keyword
import shlex
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import HTML, display

from lpmdsl.cli import main
from lpmdsl.diagnostics import LpmError, Report
from lpmdsl.runtime.api import LoadedModel, load_source
from lpmdsl.runtime.reports.cells import diagnostics_html
from lpmdsl.source import Source


class Stopped(Exception):
    """End of a cell whose mistake has been shown: the cells below it do not run, and no trace is printed."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@magics_class
class LpmMagics(Magics):
    """``%%lpm`` and ``%lpmc``."""

    @magic_arguments()
    @argument("--name", default="model", help="The name that the model gets (model).")
    @argument("--allow-files", action="store_true", help="The model may read any file, not only beside the notebook.")
    @cell_magic
    def lpm(self, line: str, cell: str) -> LoadedModel:
        """Check the text of a model, show what is to be known of it, and give it a name to be run by."""
        asked = parse_argstring(self.lpm, line)
        if not asked.name.isidentifier() or keyword.iskeyword(asked.name):
            raise UsageError(f"--name: `{asked.name}` is no name of Python.")
        space: dict[str, Any] = self.shell.user_ns  # type: ignore[union-attr]
        if isinstance(space.get(asked.name), LoadedModel):
            del space[asked.name]  # a cell below must not run what this text was before
        # With a line for that of the magic, so that lines are counted as the notebook counts them.
        source = Source(f"In[{len(space['In']) - 1}]", f"\n{cell}", reads_anything=asked.allow_files)
        try:
            loaded = load_source(source, Report())
        except LpmError as error:
            display(HTML(diagnostics_html(error.report)))
            raise Stopped(f"`{asked.name}` was not made: the text has errors.") from None
        space[asked.name] = loaded
        return loaded

    @line_magic
    def lpmc(self, line: str) -> None:
        """Do what the command line does: ``%lpmc run town_flu.lpm --seed 2``."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"%lpmc: {error}.") from error
        try:
            main(words)
        except SystemExit as end:
            if end.code:
                raise Stopped(f"lpmc ended with exit code {end.code}.") from None


def colour_cells(shell: Any) -> None:
    """Colour ``%%lpm`` cells in a terminal as they are typed; a notebook's editor colours cells by itself."""
    lexer = getattr(getattr(shell, "pt_app", None), "lexer", None)
    known = getattr(lexer, "magic_lexers", None)
    if isinstance(known, dict):
        from prompt_toolkit.lexers import PygmentsLexer

        from lpmdsl.colouring.lexer import LpmLexer

        known["lpm"] = PygmentsLexer(LpmLexer)
