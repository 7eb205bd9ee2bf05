"""The text of a Triton module becomes running code: written to a file once, and imported.

The file's name holds a hash of its text, of the prelude and of the versions, so a cached kernel is never stale.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from lpmdsl.compiler import Compiled
from lpmdsl.diagnostics import LpmError
from lpmdsl.source import cache_dir
from lpmdsl.writing.plain import write_whole
from lpmdsl.writing.private import private_dir

BACKENDS = Path(__file__).parents[2] / "backends"
LONGEST = 40
"""Letters of a model's name in that of its file: a name may be longer than the file system takes."""


def build_triton(compiled: Compiled) -> ModuleType:
    """The Triton module of a model, with ``begin`` and ``step``; machine code is made at the first launch."""
    import triton

    versions = f"{triton.__version__} {sys.version}"
    return build_text(compiled.emit("triton"), compiled.model.name, ("triton/prelude.py",), versions)


def build_text(text: str, model: str, preludes: tuple[str, ...], versions: str) -> ModuleType:
    """The module of a generated text, under a name that no other text, prelude or version has."""
    parts = [text, *((BACKENDS / name).read_text(encoding="utf-8") for name in preludes), versions]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    name = f"lpm_{model[:LONGEST]}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    return _import(name, text, _written(text, name))


def _written(text: str, name: str) -> Path | None:
    """The file with the text, which Triton reads again; None where nothing can be written.

    One that is there is read: it may have been cut short.
    """
    folder = private_dir(cache_dir())
    if folder is None:
        return None
    path = folder / f"{name}.py"
    with suppress(OSError, LpmError):
        if not path.is_file() or path.read_bytes() != text.encode():
            write_whole(path, text)
        return path
    return None


def _import(name: str, text: str, path: Path | None) -> ModuleType:
    """The module of a text. Python's own copy of its byte code is not used: nothing says whether that is whole."""
    module = ModuleType(name)
    module.__file__ = str(path) if path is not None else f"<{name}>"
    # Triton reads the text of its functions again.
    linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
    sys.modules[name] = module
    try:
        exec(compile(text, module.__file__, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module
