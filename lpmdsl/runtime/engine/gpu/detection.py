"""Detection of a GPU and of a Triton that the compiler can use, without loading torch where possible."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

from lpmdsl.diagnostics import fail
from lpmdsl.extras import is_there, optional, require
from lpmdsl.source import Source, Span

DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Files that the drivers of NVIDIA and AMD, and those inside Windows' Linux, make."""
PACKAGES = ("triton", "pytorch-triton", "pytorch-triton-rocm", "triton-rocm", "triton-windows")
"""Names under which the same module is distributed."""
OLDEST, NEWEST = (3, 6), (3, 9)
"""Versions of Triton that the generated code is tested with."""


def is_interpreted() -> bool:
    """Return True if Triton's interpreter stands in for a GPU (``TRITON_INTERPRET=1``)."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "yes", "y")


def has_gpu() -> bool:
    """Return True if ``--backend auto`` takes the GPU: there is one, torch sees it, and Triton is one that we know."""
    return (
        any(Path(d).exists() for d in DEVICES)
        and _is_known(triton_version())
        and is_there("torch")
        and _torch_sees_one()
    )


def triton_version() -> tuple[int, int] | None:
    """Major and minor version, or None if Triton is not installed."""
    for name in PACKAGES:
        try:
            major, minor, *_ = importlib.metadata.version(name).split(".")
        except importlib.metadata.PackageNotFoundError:
            continue
        return int(major), int(minor)
    return None


def _is_known(version: tuple[int, int] | None) -> bool:
    return version is not None and OLDEST <= version <= NEWEST


def _torch_sees_one() -> bool:
    return optional("torch").cuda.is_available()  # takes seconds to load: asked only where a driver is


def require_gpu() -> None:
    """Raises E0860 without torch or Triton, E0832 for a Triton that is not known, E0809 where no GPU is."""
    version, place = triton_version(), Span(Source("--backend", "gpu"), 0, 3)
    require("torch", "triton", place=place, otherwise="or use --backend cpu, which gives the same counts")
    if not _is_known(version):
        known = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
        found = "It is not installed" if version is None else f"This is Triton {version[0]}.{version[1]}"
        raise fail("E0832", f"The GPU back end works with Triton {known}. {found}.", place,
                   'Run pip install "triton>=3.6,<3.10" (Linux only), or use --backend cpu.')  # fmt: skip
    if not is_interpreted() and not _torch_sees_one():
        raise fail("E0809", "torch sees no GPU on this computer.", place,
                   "Use --backend cpu, which gives the same counts; or set TRITON_INTERPRET=1 to try the GPU's "
                   "kernels on the processor, slowly.")  # fmt: skip
