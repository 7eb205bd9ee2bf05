"""Packages that some commands need and the others do without: one table, one way to load them, one message.

`pip install lpmdsl` brings what checks, runs, compares, analyses and reports on a processor. Whatever else a command
needs is an extra of the package; it is loaded here, and where it is missing the message has the line to type.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from types import ModuleType

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.source import NOWHERE, Span

EXTRA = {
    "torch": "gpu", "triton": "gpu", "arviz": "calibrate", "h5netcdf": "calibrate", "scoringrules": "calibrate",
    "optuna": "calibrate,search", "sbi": "calibrate,neural", "openai": "llm", "openpyxl": "excel",
    "pandas": "pandas", "pyarrow": "parquet", "networkx": "graphs", "pygls": "lsp",
    "IPython": "notebook", "matplotlib": "notebook",
}  # fmt: skip
"""Package → the extras of this package that bring it; where several do, what a caller says that names none."""
CALIBRATION = {
    "": ("arviz", "h5netcdf", "scoringrules"), "gradient": ("torch",), "neural": ("sbi",), "search": ("optuna",),
}  # fmt: skip
"""Method of a calibration, by its first word → the packages that it needs beside those of every one."""


def optional(module: str, place: Span = NOWHERE, *, extra: str = "", otherwise: str = "") -> ModuleType:
    """A package, or a module of one, that may not be there. Raises ``LpmError`` (E0860) with the line to type.

    ``extra``: the one for what is being done, where several bring the package; ``otherwise``: what does without.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what these packages tell their own developers
            return importlib.import_module(module)
    except ImportError as error:
        raise missing(module, str(error), place, extra=extra, otherwise=otherwise) from error


def require(*packages: str, place: Span = NOWHERE, extra: str = "", otherwise: str = "") -> None:
    """Raises ``LpmError`` (E0860) for the first of some packages that is not installed; loads none."""
    for package in packages:
        if not is_there(package):
            raise missing(package, "it is not installed", place, extra=extra, otherwise=otherwise)


def require_for_calibration(method: str) -> None:
    """Raises ``LpmError`` (E0860) where a package that a calibration by this method needs is missing; loads none."""
    require(*CALIBRATION[""])
    first = (method.replace("_", " ").replace("-", " ").split() or [""])[0]
    require(*CALIBRATION.get(first, ()), extra="calibrate,gradients" if first == "gradient" else "")


def is_there(package: str) -> bool:
    """Return True if a package is installed; it is not loaded."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # a name that something else has taken out of the way
        return False


def missing(module: str, why: str, place: Span = NOWHERE, *, extra: str = "", otherwise: str = "") -> LpmError:
    """The error of a package that cannot be loaded."""
    message, help = said(module, why, extra=extra, otherwise=otherwise)
    return fail("E0860", message, place, help)


def said(module: str, why: str, *, extra: str = "", otherwise: str = "") -> tuple[str, str]:
    """Message and help of a package that cannot be loaded."""
    package = module.split(".")[0]
    help = f'Type: pip install "lpmdsl[{extra or EXTRA[package]}]"'
    message = f"This needs the package `{package}`, which cannot be loaded: {why}."
    return message, f"{help}; {otherwise}" if otherwise else help
