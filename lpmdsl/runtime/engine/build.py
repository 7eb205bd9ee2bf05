"""Generated source becomes running code: written to a file once, imported, its machine code cached beside it.

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
_NUMBA = ("numba/atomics.py", "numba/prelude.py", "numba/worklists.py", "../networks/random_regular.py")
"""All that a generated Numba module calls: machine code holds a copy of it."""
LONGEST = 40
"""Letters of a model's name in that of its file: a name may be longer than the file system takes."""


def build(compiled: Compiled) -> ModuleType:
    """The Numba module of a model, with ``begin`` and ``run_steps``; machine code is made at the first call."""
    return build_numba(compiled.emit("cpu"), compiled.model.name)


def build_numba(text: str, model: str) -> ModuleType:
    """The module of a text that ``backends.numba`` has printed."""
    import numba  # heavy: loaded only when something is built
    import numpy

    return build_text(text, model, _NUMBA, f"{numba.__version__} {numpy.__version__} {sys.version}")


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
    """The file with the text, for Numba to keep its machine code beside; None where nothing can be written.

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
    # Numba finds a cached function's module by name.
    sys.modules[name] = module
    run = text if path is not None else text.replace("njit(cache=True", "njit(cache=False")
    try:
        exec(compile(run, module.__file__, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    if "numba" in sys.modules:
        from lpmdsl.kept import seal_all

        seal_all(module)
    return module
