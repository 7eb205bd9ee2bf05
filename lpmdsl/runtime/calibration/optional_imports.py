"""Packages that only a calibration needs: loaded when they are, and named in words where they are missing."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from types import ModuleType

from lpmdsl.diagnostics import LpmError, fail
from lpmdsl.source import NOWHERE

EXTRA = {
    "arviz": "calibrate", "h5netcdf": "calibrate", "scoringrules": "calibrate", "optuna": "search", "sbi": "neural",
}  # fmt: skip
"""Extras of this package by the package that they bring."""


def require(method: str) -> None:
    """Raises ``LpmError`` (E0860) where a package that a calibration by this method needs is missing; loads none."""
    own = {"neural": ("sbi",), "search": ("optuna",)}.get((method.replace("_", " ").split() or [""])[0], ())
    for package in ("arviz", "h5netcdf", "scoringrules", *own):
        if importlib.util.find_spec(package) is None:
            raise _missing(package, "it is not installed")


def needed(package: str, module: str = "") -> ModuleType:
    """The package, or one of its modules. Raises ``LpmError`` (E0860) with the line to type where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what these packages tell their own developers
            return importlib.import_module(module or package)
    except ImportError as error:
        raise _missing(package, str(error)) from error


def _missing(package: str, why: str) -> LpmError:
    extra = EXTRA[package]
    wanted = "calibrate" if extra == "calibrate" else f"calibrate,{extra}"
    return fail("E0860", f"This needs the package `{package}`, which cannot be loaded: {why}.", NOWHERE,
                f'Type: pip install "lpmdsl[{wanted}]"')  # fmt: skip
