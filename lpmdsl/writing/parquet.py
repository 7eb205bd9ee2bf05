"""A table as a Parquet file: whole numbers, floating-point numbers and texts, every value there.

Written by hand (https://parquet.apache.org/docs/file-format) because a run writes one table, and the library that reads
and writes all of Parquet is larger than everything else that a run loads. One row group; texts by a dictionary.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

MAGIC = b"PAR1"
INT64, DOUBLE, BYTE_ARRAY = 2, 5, 6
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
UTF8, GZIP = 0, 2
DATA_PAGE, DICTIONARY_PAGE = 0, 2
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
"""Types of Thrift's compact protocol, in which the headers are written."""
Column = NDArray | Sequence[str]
Field = tuple[int, int, bytes]
"""Number and type of a field, and its bytes."""


def parquet(columns: Mapping[str, Column], made_by: str) -> bytes:
    """The file of a table. Columns: arrays of whole or floating-point numbers, or texts, all as long."""
    rows = len(next(iter(columns.values()), ()))
    file = bytearray(MAGIC)
    chunks: list[bytes] = []
    for name, values in columns.items():
        chunks.append(_chunk(file, name, values))
    schema = [_struct((4, BINARY, _binary(b"schema")), (5, I32, _whole(len(columns))))]
    schema += [_element(name, _type(values)) for name, values in columns.items()]
    size = len(file) - len(MAGIC)
    groups = [_struct((1, LIST, _list(STRUCT, chunks)), (2, I64, _whole(size)), (3, I64, _whole(rows)))]
    footer = _struct(
        (1, I32, _whole(2)), (2, LIST, _list(STRUCT, schema)), (3, I64, _whole(rows)), (4, LIST, _list(STRUCT, groups)),
        (6, BINARY, _binary(made_by.encode())),
    )  # fmt: skip
    return bytes(file) + footer + struct.pack("<I", len(footer)) + MAGIC


def _type(values: Column) -> int:
    if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
        return INT64
    return DOUBLE if isinstance(values, np.ndarray) and values.dtype.kind == "f" else BYTE_ARRAY


def _element(name: str, type: int) -> bytes:
    """A column in the schema: required, so that no page has levels."""
    text = ((6, I32, _whole(UTF8)),) if type == BYTE_ARRAY else ()
    return _struct((1, I32, _whole(type)), (3, I32, _whole(0)), (4, BINARY, _binary(name.encode())), *text)


def _chunk(file: bytearray, name: str, values: Column) -> bytes:
    """The pages of a column, appended to the file, and their description."""
    type, begin, dictionary, plain = _type(values), len(file), 0, 0
    if type == BYTE_ARRAY:
        words = {word: k for k, word in enumerate(dict.fromkeys(values))}
        codes = np.fromiter((words[word] for word in values), np.uint32, len(values))
        listed = b"".join(struct.pack("<I", len(w)) + w for w in (word.encode() for word in words))
        dictionary = begin
        plain += _page(file, DICTIONARY_PAGE, len(words), PLAIN, listed)
        body, encoding = _packed(codes), RLE_DICTIONARY
    else:
        body, encoding = np.ascontiguousarray(values, "<i8" if type == INT64 else "<f8").tobytes(), PLAIN
    data = len(file)
    plain += _page(file, DATA_PAGE, len(values), encoding, body)
    place = ((11, I64, _whole(dictionary)),) if type == BYTE_ARRAY else ()
    described = _struct(
        (1, I32, _whole(type)), (2, LIST, _list(I32, [_whole(e) for e in dict.fromkeys((PLAIN, encoding))])),
        (3, LIST, _list(BINARY, [_binary(name.encode())])), (4, I32, _whole(GZIP)), (5, I64, _whole(len(values))),
        (6, I64, _whole(plain)), (7, I64, _whole(len(file) - begin)), (9, I64, _whole(data)), *place,
    )  # fmt: skip
    return _struct((2, I64, _whole(begin)), (3, STRUCT, described))


def _page(file: bytearray, kind: int, values: int, encoding: int, body: bytes) -> int:
    """Append a page; its bytes as they were before they were compressed."""
    press = zlib.compressobj(6, zlib.DEFLATED, 31)
    pressed = press.compress(body) + press.flush()
    levels = ((3, I32, _whole(RLE)), (4, I32, _whole(RLE))) if kind == DATA_PAGE else ()
    inner = _struct((1, I32, _whole(values)), (2, I32, _whole(encoding)), *levels)
    header = _struct(
        (1, I32, _whole(kind)), (2, I32, _whole(len(body))), (3, I32, _whole(len(pressed))),
        (5 if kind == DATA_PAGE else 7, STRUCT, inner),
    )  # fmt: skip
    file += header + pressed
    return len(header) + len(body)


def _packed(codes: NDArray[np.uint32]) -> bytes:
    """Codes as one run of the hybrid encoding, bit-packed in whole bytes: groups of eight."""
    width = next(w for w in (8, 16, 32) if int(codes.max(initial=0)) < 2**w)
    groups = -(-codes.size // 8)
    padded = np.zeros(8 * groups, f"<u{width // 8}")
    padded[: codes.size] = codes
    return bytes([width]) + _varint(2 * groups + 1) + padded.tobytes()


# ------------------------------------------------------------------ Thrift's compact protocol


def _struct(*fields: Field) -> bytes:
    """Fields in the order of their numbers."""
    written, last = bytearray(), 0
    for number, type, value in fields:
        written += bytes([(number - last) << 4 | type]) + value
        last = number
    return bytes(written) + b"\0"


def _list(type: int, values: Sequence[bytes]) -> bytes:
    head = bytes([len(values) << 4 | type]) if len(values) < 15 else bytes([0xF0 | type]) + _varint(len(values))
    return head + b"".join(values)


def _binary(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _whole(value: int) -> bytes:
    """A number without sign in zigzag."""
    return _varint(2 * value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(written) + bytes([value])
