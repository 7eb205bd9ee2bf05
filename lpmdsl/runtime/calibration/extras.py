"""Packages that only a calibration needs: loaded when they are, and told of in words where they are missing."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from lpmdsl.diagnostics import fail
from lpmdsl.source import NOWHERE

EXTRA = {
    "arviz": "calibrate", "h5netcdf": "calibrate", "scoringrules": "calibrate", "optuna": "search", "sbi": "neural",
}  # fmt: skip
"""Which extra of this package brings which other one."""


def needed(package: str, module: str = "") -> ModuleType:
    """The package, or one of its modules. Raises ``LpmError`` (E0860) with the line to type where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what these packages tell their own developers
            return importlib.import_module(module or package)
    except ImportError as error:
        extra = EXTRA[package]
        wanted = "calibrate" if extra == "calibrate" else f"calibrate,{extra}"
        raise fail("E0860", f"This needs the package `{package}`, which cannot be loaded: {error}.", NOWHERE,
                   f'Type: pip install "lpmdsl[{wanted}]"') from error  # fmt: skip
