"""LLVM: a unit's text becomes machine code for this processor, kept between runs in files that are whole.

What lies in these files is run as code, so they lie in a folder that only this user can write to.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter

import llvmlite.binding as llvm

from lpmdsl.diagnostics import LpmError
from lpmdsl.native.translate import NAME, Unit
from lpmdsl.source import cache_dir
from lpmdsl.writing.plain import write_whole
from lpmdsl.writing.private import private_dir


@dataclass(slots=True)
class Made:
    """Record of what was compiled in this process: names of functions, and the seconds that it took."""

    functions: list[str] = field(default_factory=list)
    seconds: float = 0.0


made = Made()
_lock = threading.RLock()
_addresses: dict[str, int] = {}


def address(unit: Unit) -> int:
    """The address of a unit's machine code, which stays for as long as the process."""
    with _lock:
        if unit.symbol not in _addresses:
            began = perf_counter()
            engine = _engine()
            engine.add_object_file(llvm.ObjectFileRef.from_data(_object(unit)))
            _addresses[unit.symbol] = engine.get_function_address(unit.symbol)
            made.seconds += perf_counter() - began
        return _addresses[unit.symbol]


@cache
def _target() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    # With `jit` addresses may be of any size: code, constants and the C library need not lie near each other.
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


def _features() -> str:
    """Features of this processor; nothing where LLVM cannot tell."""
    try:
        return llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        return ""


@cache
def _engine() -> llvm.ExecutionEngine:
    """Holder of all machine code of the process."""
    empty = llvm.parse_assembly("")
    empty.triple = llvm.get_process_triple()
    return llvm.create_mcjit_compiler(empty, _target())


@cache
def _made_for() -> str:
    """Everything but the text that decides what the machine code is."""
    import llvmlite

    version = ".".join(map(str, llvm.llvm_version_info))
    parts = (llvmlite.__version__, version, llvm.get_process_triple(), llvm.get_host_cpu_name(), _features())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _object(unit: Unit) -> bytes:
    """The object file of a unit: as it was kept, or compiled now and kept."""
    _target()
    path = _path(unit)
    if path is not None and (found := _whole(path)) is not None:
        return found
    made.functions.append(unit.routine)
    code = compiled(unit)
    if path is not None:
        with suppress(OSError, LpmError):  # no room: the code serves this run and is made again in the next
            write_whole(path, code + hashlib.sha256(code).digest())
    return code


def _path(unit: Unit) -> Path | None:
    folder = private_dir(cache_dir())
    return None if folder is None else folder / f"{unit.symbol}-{_made_for()}.o"


def _whole(path: Path) -> bytes | None:
    """Content of a file before its digest; None if that is not what the digest is of."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data[:-32] if data[-32:] == hashlib.sha256(data[:-32]).digest() else None


def compiled(unit: Unit) -> bytes:
    """The object file of a unit, made now."""
    module = verified(unit)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = options.loop_unrolling = True
    builder = llvm.create_pass_builder(_target(), options)
    builder.getModulePassManager().run(module, builder)
    return _target().emit_object(module)


def verified(unit: Unit) -> llvm.ModuleRef:
    """The unit as a module that LLVM has found to keep its rules. Raises ``RuntimeError``."""
    module = llvm.parse_assembly(unit.text.replace(NAME, f"@{unit.symbol}"))
    module.triple = llvm.get_process_triple()
    module.data_layout = str(_target().target_data)
    module.verify()
    return module


def foreign(unit: Unit, arguments: list[type]) -> Callable[..., None]:
    """A unit as a function of ctypes, which releases the interpreter's lock."""
    return ctypes.CFUNCTYPE(None, *arguments)(address(unit))


def foreign_record(unit: Unit) -> Callable[[int], None]:
    """A driver as a function of the address of its record."""
    return foreign(unit, [ctypes.c_void_p])
