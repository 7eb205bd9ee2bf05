"""Triton's interpreter, spared what it does again at every call."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import triton.language as tl
from triton.runtime import interpreter


def hasten() -> None:
    """Let the interpreter do once what it does anew whenever a function calls another or a value is made.

    It puts its own functions into ``triton.language`` by a walk over the whole language, three fifths of a run of
    `opinion`; and it looks types up in a table that it makes each time. Machine code is made in processes of its own,
    which see the language as it is.
    """
    rename, type_of = interpreter._patch_lang, interpreter._get_np_dtype

    @cache
    def renamed() -> SimpleNamespace:
        rename(SimpleNamespace(__globals__={"tl": tl, "core": tl.core}))
        return SimpleNamespace(restore=lambda: None)

    known = cache(type_of)
    interpreter._patch_lang = lambda function: renamed()
    interpreter._get_np_dtype = lambda kind: (type_of if kind.scalar.is_ptr() else known)(kind.scalar)
