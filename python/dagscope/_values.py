"""What values are made of when they are sent: numbers of tags and codecs, errors, and arrays where numpy is missing.

The encoding is described in engine/python/FORMAT.md of dagscope. _encode writes it, _decode reads it; both are pure
Python, because a task's environment need not hold anything but this package.
"""

from __future__ import annotations

import re
import struct
from typing import Any

# Codecs: what a reader has to be able to do. Each includes the ones before it.
CBOR = 1  # one item
ARRAY = 2  # an item and buffers
PICKLE = 3  # as ARRAY, and something in it is a pickle

# Tags of our own, from the range that anyone may use, and three that are registered.
TAG_BIG_POSITIVE = 2
TAG_BIG_NEGATIVE = 3
TAG_OBJECT = 27  # a dataclass: [module:name, {field: value}]
TAG_SET = 258
TAG_HOLE = 61000  # the number of a value
TAG_TUPLE = 61001  # a list
TAG_ARRAY = 61002  # [dtype, [length of each dimension], number of the buffer]
TAG_SCALAR = 61003  # [dtype, bytes]
TAG_PICKLE = 61004  # [bytes, [number of each buffer]]

ALIGNMENT = 64  # of buffers: what vector instructions of today want at most
MAX_DEPTH = 128  # of nesting; a dataclass takes 6 of the 1000 calls that Python allows
MAX_DIMENSIONS = 32  # what every numpy can do

LENGTHS = struct.Struct("<II")  # the beginning of a document: bytes of its item, number of its buffers

_DTYPE = re.compile(r"[<|](b1|[iu][1248]|f[248]|c(8|16)|[SU][1-9][0-9]{0,8}|[mM]8(\[\w{1,16}\])?)")

# Formats of the struct module for dtypes without the byte order. Half precision has one, complex numbers have none.
_FORMATS = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"}


class Unsendable(TypeError):
    """A value that cannot be sent, with the place where it is."""


class Malformed(ValueError):
    """Bytes that are not an encoded value."""


class Array:
    """A numpy array where numpy is missing: it can be passed on unchanged and turned into lists.

    dtype is numpy's, in little endian; data are the elements, those of the last dimension next to each other.
    """

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str, shape: tuple[int, ...], data: Any) -> None:
        self.dtype, self.shape, self.data = dtype, tuple(shape), memoryview(data).cast("B")
        if self.data.nbytes != byte_size(dtype, self.shape):
            raise ValueError(f"an array of {dtype} and shape {self.shape} with {self.data.nbytes} bytes, expected {byte_size(dtype, self.shape)}")

    def tolist(self) -> Any:
        """The elements as nested lists, as numpy's method of that name gives them."""
        form = _FORMATS.get(self.dtype[1:])
        if form is None:
            raise TypeError(f"elements of {self.dtype} are numbers only with numpy, expected one of {', '.join(sorted(_FORMATS))}")
        flat: list[Any] = [n for (n,) in struct.iter_unpack("<" + form, self.data)]
        if not self.shape:
            return flat[0]
        for length in reversed(self.shape[1:]):
            rows = len(flat) // length if length else _product(self.shape[: self.shape.index(0)])
            flat = [flat[i * length : (i + 1) * length] for i in range(rows)]
        return flat

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Array):
            return NotImplemented
        return self.dtype == other.dtype and self.shape == other.shape and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # as arrays of numpy

    def __repr__(self) -> str:
        return f"Array({self.dtype!r}, {self.shape!r})"


class Hole:
    """A place in a template of arguments that one of the call's values fills."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"Hole({self.number})"


def byte_size(dtype: str, shape: tuple[int, ...]) -> int:
    """How many bytes an array takes. Malformed unless dtype is one that can be sent and shape one of an array."""
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise Malformed(f"an array of {dtype!r:.80}, expected a dtype of numbers, texts or times in little endian")
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise Malformed(f"an array of shape {shape!r:.80}, expected at most {MAX_DIMENSIONS} lengths of at least 0")
    width = int(re.match(r"\d+", dtype[2:]).group())  # type: ignore[union-attr]  # _DTYPE has it
    return _product(shape) * width * (4 if dtype[1] == "U" else 1)


def _product(numbers: tuple[int, ...]) -> int:
    product = 1
    for n in numbers:
        product *= n
    return product


def aligned(at: int) -> int:
    """The next place at which a buffer may begin."""
    return -(-at // ALIGNMENT) * ALIGNMENT
