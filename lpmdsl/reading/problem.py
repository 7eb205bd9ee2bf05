"""Problems with a file, before anybody knows whether a check or a run reports them."""

from __future__ import annotations

from types import ModuleType
from typing import Literal

from lpmdsl.diagnostics import LpmError, Report, fail
from lpmdsl.extras import optional
from lpmdsl.source import Span

Sort = Literal[
    "absent",
    "unreadable",
    "outside",
    "column",
    "number",
    "label",
    "unit",
    "no unit",
    "hidden",
    "blank",
    "range",
    "header",
    "extra",
]

CHECK: dict[Sort, str] = {
    "absent": "E0406", "unreadable": "E0406", "outside": "E0413", "column": "E0407", "number": "E0408",
    "label": "E0411", "unit": "E0409", "no unit": "E0409", "hidden": "E0117",
    "blank": "E0415", "range": "E0414", "header": "E0417", "extra": "E0860",
}  # fmt: skip
"""The codes of a check."""
RUN: dict[Sort, str] = {
    **CHECK, "absent": "E0640", "unreadable": "E0641", "column": "E0642", "number": "E0643", "label": "E0643",
    "unit": "E0644", "no unit": "E0645",
}  # fmt: skip
"""The codes of a run, which reads again: a file may have changed since, and ties are read by a run alone."""


class Problem(Exception):
    """A file, a column or a cell that cannot be used. ``message`` names the file, and the line and column of a cell."""

    def __init__(self, sort: Sort, message: str, help: str = "") -> None:
        self.sort: Sort = sort
        self.message = message
        self.help = help
        super().__init__(message)

    def tell(self, report: Report, span: Span) -> None:
        """Reports it at a place of the text, with the code of a check."""
        report.add(CHECK[self.sort], self.message, span, self.help)

    def failure(self, span: Span) -> LpmError:
        """The error that ends a run."""
        return fail(RUN[self.sort], self.message, span, self.help)


def needed(module: str, file: str, what: str, otherwise: str) -> ModuleType:
    """A package that reads a kind of file. Raises ``Problem`` with the line to type where it is missing."""
    try:
        return optional(module, otherwise=otherwise)
    except LpmError as error:
        told = error.report.diagnostics[0]
        raise Problem("extra", f"`{file}` is {what}. {told.message}", told.help) from error
