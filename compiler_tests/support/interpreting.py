"""Triton's interpreter, spared what it does again at every call."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import triton.language as tl
from triton.runtime import interpreter


def rename_language_once() -> None:
    """Let the interpreter put its own functions into ``triton.language`` once and leave them there.

    It does so whenever a function calls another, by a walk over the whole language: three fifths of a run of `opinion`.
    Machine code is made in processes of its own, which see the language as it is.
    """
    rename = interpreter._patch_lang

    @cache
    def renamed() -> SimpleNamespace:
        rename(SimpleNamespace(__globals__={"tl": tl, "core": tl.core}))
        return SimpleNamespace(restore=lambda: None)

    interpreter._patch_lang = lambda function: renamed()
