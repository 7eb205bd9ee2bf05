"""Generated source becomes running code: written to a file once, imported, its machine code cached beside it.

The file's name holds a hash of its text, of the prelude and of the versions, so a cached kernel is never stale.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from lpmdsl.compiler import Compiled, Target
from lpmdsl.diagnostics import fail
from lpmdsl.source import NOWHERE, cache_dir

BACKENDS = Path(__file__).parent.parent / "backends"


def build(compiled: Compiled) -> ModuleType:
    """The Numba module of a model, with ``begin`` and ``run_steps``; machine code is made at the first call."""
    import numba  # heavy: loaded only when something is built
    import numpy

    versions = f"{numba.__version__} {numpy.__version__} {sys.version}"
    return _module(compiled, "cpu", ("numba_prelude.py", "numba_lists.py", "../networks/circles.py"), versions)


def build_triton(compiled: Compiled) -> ModuleType:
    """The Triton module of a model, with ``begin`` and ``step``; machine code is made at the first launch."""
    import triton

    return _module(compiled, "triton", ("triton_prelude.py",), f"{triton.__version__} {sys.version}")


def _module(compiled: Compiled, target: Target, preludes: tuple[str, ...], versions: str) -> ModuleType:
    return build_text(compiled.emit(target), compiled.model.name, preludes, versions)


def build_text(text: str, model: str, preludes: tuple[str, ...], versions: str) -> ModuleType:
    """The module of a generated text, under a name that no other text, prelude or version has."""
    parts = [text, *((BACKENDS / name).read_text(encoding="utf-8") for name in preludes), versions]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    name = f"lpm_{model[:60]}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    return _import(name, _write(text, name))


def _write(text: str, name: str) -> Path:
    """The file with the text; made under another name first, so that no reader ever sees half of it."""
    folder = cache_dir()
    path = folder / f"{name}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
            os.replace(temporary, path)
    except OSError as error:
        raise fail(
            "E0898",
            f"Compiled kernels cannot be kept in {folder}: {error.strerror}.",
            NOWHERE,
            "Set LPMDSL_CACHE to a folder that can be written.",
        ) from None
    return path


def _import(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # Numba finds a cached function's module by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
