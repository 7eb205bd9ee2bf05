"""The small language that kernels are compiled from: its numbers are Python's and numpy's, to the bit."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from compiler_tests.support.both_backends import MODELS, compiled, loaded
from lpmdsl.backends.llvm import units
from lpmdsl.native import machine
from lpmdsl.native.function import native
from lpmdsl.native.instructions import bits_float, float_bits, other_than_zero, subtract
from lpmdsl.native.operations import NotNative
from lpmdsl.native.types import ArrayType

INTEGERS = (-(2**63), -(2**40) - 1, -7, -3, -1, 0, 1, 2, 3, 7, 2**31, 2**40 + 1, 2**63 - 1)
NUMBERS = (-np.inf, -1e300, -7.5, -3.0, -0.0, 0.0, 0.1, 2.5, 3.0, 1e17, np.inf, np.nan)


@native()
def _integers(a, b):
    return a // b, a % b, a + b, a - b, a * b, a & b, a | b, a ^ b, abs(a), -a, ~a


@native()
def _reals(a, b):
    return a // b, a % b, a / b, a * b, min(a, b), max(a, b), abs(a), np.floor(a)


@native()
def _tests(a, b):
    return a < b, a <= b, a == b, a != b, not a > b, a < b or a > b


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def test_integers_are_those_of_python_with_64_bits() -> None:
    """By zero: 0, as numpy has it. (The least number by −1 is nobody's: it has no quotient.)"""
    for a, b in product(INTEGERS, INTEGERS):
        if (a, b) == (-(2**63), -1):
            continue
        quotient, rest = divmod(a, b) if b else (0, 0)
        exact = (quotient, rest, a + b, a - b, a * b, a & b, a | b, a ^ b, abs(a), -a, ~a)
        assert _integers(a, b) == tuple(_wrapped(x) for x in exact), (a, b)


def test_reals_have_the_bits_of_numpy() -> None:
    for a, b in product(NUMBERS, NUMBERS):
        with np.errstate(all="ignore"):
            x, y = np.float64(a), np.float64(b)
            exact = (x // y, x % y, x / y, x * y, b if b < a else a, b if b > a else a, abs(x), np.floor(x))
        for mine, other in zip(_reals(a, b), exact, strict=True):
            same = np.isnan(mine) and np.isnan(other)
            assert same or np.float64(mine).tobytes() == np.float64(other).tobytes(), (a, b, mine, other)


def test_comparisons_with_what_is_no_number_are_false() -> None:
    for a, b in (*product(NUMBERS, NUMBERS), *product(INTEGERS, INTEGERS)):
        assert _tests(a, b) == (a < b, a <= b, a == b, a != b, not a > b, a < b or a > b), (a, b)


@native()
def _cast(a):
    return np.uint8(a), np.int16(a), np.uint32(a), np.int32(a), np.float64(a), np.float64(np.uint64(a))


def test_narrow_numbers_are_the_lowest_bits() -> None:
    for a in INTEGERS:
        narrow = [int(np.int64(a).astype(kind)) for kind in (np.uint8, np.int16, np.uint32, np.int32)]
        assert _cast(a) == (*narrow, float(a), float(np.uint64(a % 2**64)))


@native()
def _subtracted(array, first, amounts):
    return other_than_zero(amounts, first), subtract(array, first, amounts)


@pytest.mark.parametrize("kind", [np.int16, np.int32])
@pytest.mark.parametrize("amount", [np.uint8, np.int32])
def test_sixty_four_integers_are_taken_at_once(kind: type, amount: type) -> None:
    draws = np.random.default_rng(1)
    array, amounts = draws.integers(-40, 300, 130).astype(kind), draws.integers(0, 256, 130).astype(amount)
    amounts[draws.random(130) < 0.5] = 0
    found, part = array.copy(), slice(3, 67)
    some, used_up = _subtracted(found, 3, amounts)
    exact = array.copy()
    exact[part] -= amounts[part].astype(kind)
    assert np.array_equal(found, exact)
    assert some % 2**64 == sum(1 << k for k in range(64) if amounts[part][k] != 0)
    assert used_up % 2**64 == sum(1 << k for k in range(64) if exact[part][k] <= 0)


@native()
def _first_above(values, first, bound):
    found = -1
    for k in range(first, values.size):
        if values[k] < 0:
            continue
        if values[k] > bound:
            found = k
            break
    return found


@native()
def _guarded(values, i):
    return i >= 0 and values[i] > 0, i < 0 or values[i] > 0, values[i] if i >= 0 else 7


@native()
def _widened(n):
    total = 0
    for k in range(n, -1, -2):
        total += k
        k = 100
    if total > 3:
        total = total / 4
    return total


@native()
def _sum_of_entries(values):
    total = 0.0
    for value in values:
        total += value
    return total


@native()
def _rows(table, out):
    row = table[1]
    for k in range(row.size):
        out[k], out[k + row.size] = row[k], table[0, k]
    middle = out[1:3]
    middle[0] = middle[1]
    return len(out), table.shape[0], table.shape[1]


def test_control_goes_as_in_python() -> None:
    values = np.array([1.0, -2.0, 5.0, 7.0])
    assert [_first_above(values, first, 4.0) for first in range(5)] == [2, 2, 2, 3, -1]
    assert _sum_of_entries(values) == 11.0
    assert _widened(2) == 2.0 and _widened(5) == 2.25
    out = np.zeros(6, np.uint8)
    assert _rows(np.arange(6, dtype=np.int16).reshape(2, 3), out) == (6, 2, 3)
    assert out.tolist() == [3, 5, 5, 0, 1, 2]


def test_what_is_not_asked_for_is_not_read() -> None:
    """A place so far away that reading it would end the program."""
    assert _guarded(np.ones(1), -(2**50)) == (False, True, 7.0) and _guarded(np.ones(1), 0) == (True, True, 1.0)


@native()
def _bits(x):
    return float_bits(x), bits_float(float_bits(x) + 1)


def test_bits_of_reals() -> None:
    assert _bits(1.0) == (0x3FF0000000000000, np.nextafter(1.0, 2.0))


@native()
def _gives_an_array():
    made = np.zeros(3)
    return made


@native()
def _mixes_signs(a, b):
    return np.uint64(a) + b


def test_what_the_language_lacks_is_refused() -> None:
    for function, given, words in (
        (_gives_an_array, (), "not returned"),
        (_mixes_signs, (1, 2), "must be cast"),
        (_sum_of_entries, (3,), "a loop goes over"),
    ):
        with pytest.raises(NotNative, match=words):
            function(*given)
    for given in (np.ones((4, 4))[:, 1], "text", np.array(["a"])):
        with pytest.raises(TypeError):
            _sum_of_entries(given)


# ------------------------------------------------------------------ the modules of a model


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_modules_of_models_keep_the_rules_of_llvm(path: Path) -> None:
    """Both Programs of a processor's and a GPU's kind; nothing in them lets LLVM change a number."""
    made = compiled(loaded(path).model)
    for program in (made.cpu_program, made.program):
        routines = units.routines_of(program)
        declared = {b.name: ArrayType(units._DECLARED[b.dtype], len(b.shape)) for b in program.buffers}
        for name in {"begin", "look", "run_steps"} & set(routines):
            driver = units.driver_unit(program, routines[name], declared)
            for unit in (*driver.table, driver):
                machine.verified(unit)
                assert not re.search(r"\b(fast|contract|reassoc|nnan|ninf|nsz|arcp|afn|fma|fmuladd)\b", unit.text)
                assert unit.text.isascii()


def test_a_unit_has_the_name_of_its_text() -> None:
    """The same kernel in two models is the same unit, and one more line elsewhere changes it not."""
    made = [compiled(loaded(path).model).emit("llvm") for path in MODELS[:3]]
    assert all(text.count("; run_steps") == 1 and "@lpm_" in text and "@UNIT" not in text for text in made)
    assert made[0] == compiled(loaded(MODELS[0]).model).emit("llvm")
