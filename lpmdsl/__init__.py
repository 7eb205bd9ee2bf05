"""lpmdsl: a declarative language for large population models, and its compiler.

``lpmdsl.load("model.lpm").run(seed=1).observations`` is the whole of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpmdsl.diagnostics import LpmError

if TYPE_CHECKING:
    from lpmdsl.runtime.api import LoadedModel, load
    from lpmdsl.runtime.results import Results, read_results

__version__ = "0.2.0"
__all__ = ["LoadedModel", "LpmError", "Results", "__version__", "load", "read_results"]


def __dir__() -> list[str]:
    """The public names, also before they are imported."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    """The public names that need the compiler: imported when first asked for, for `lpmc check`'s start."""
    if name in ("LoadedModel", "load"):
        from lpmdsl.runtime import api

        return getattr(api, name)
    if name in ("Results", "read_results"):
        from lpmdsl.runtime import results

        return getattr(results, name)
    raise AttributeError(f"module 'lpmdsl' has no attribute {name!r}")
