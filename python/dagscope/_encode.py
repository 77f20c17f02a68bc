"""Writes values as they are sent (FORMAT.md).

Types are matched exactly: a subclass of dict would come back as a dict, which is another value, so it is refused like
everything else that would lose something. Tuples, sets and dataclasses come back as what they were.
"""

from __future__ import annotations

import dataclasses
import pickle
import struct
import sys
from typing import Any, Callable, NamedTuple, Optional

from . import _values as v


class Encoded(NamedTuple):
    """An encoded value. The bytes are in parts, so that large buffers are not copied to put them together."""

    codec: int
    parts: list[Any]
    size: int

    def join(self) -> bytes:
        return b"".join(self.parts)


def encode(value: Any, *, allow_pickle: bool = False, hole: Optional[Callable[[Any], Optional[int]]] = None) -> Encoded:
    """Encodes a value; what it cannot encode otherwise becomes a pickle if that is allowed.

    hole is asked about arrays and everything that has no encoding of its own, and may answer with the number of a value
    that is to be put in its place. Raises Unsendable, which names the place of what cannot be sent.
    """
    e = _Encoder(allow_pickle, hole)
    try:
        e.item(value)
    except v.Unsendable as failure:
        at, why = failure.args
        raise v.Unsendable(f"value{_place(value, at)} cannot be sent: {why}") from failure.__cause__
    except RecursionError:
        raise v.Unsendable(f"value cannot be sent: it contains itself, or is nested more than {v.MAX_DEPTH} levels deep") from None
    return e.encoded()


_EXPECTED = "expected None, bool, int, float, str, bytes, list, tuple, dict, set, a dataclass or an array of numpy, or that pickle is allowed"


def _refuse(value: Any, expected: str = _EXPECTED) -> v.Unsendable:
    """The first argument is the value, from which its place is found."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return v.Unsendable(value, f"it is of type {name}, {expected}")


def _place(value: Any, wanted: Any) -> str:
    """Where in a value the object is that could not be encoded. Only a failure pays for looking it up."""
    if value is wanted:
        return ""
    kind = type(value)
    if kind in (list, tuple, set):
        parts = ((f"[{i}]", part) for i, part in enumerate(value))
    elif kind is dict:
        parts = ((f"[{k!r:.40}]", part) for k, pair in zip(value, value.items()) for part in pair)
    elif dataclasses.is_dataclass(value):
        parts = ((f".{f.name}", getattr(value, f.name, None)) for f in dataclasses.fields(value))
    else:
        return ""
    for name, part in parts:
        if part is wanted:
            return name
        deeper = _place(part, wanted)
        if deeper:
            return name + deeper
    return ""


def _head(major: int, n: int) -> bytes:
    if n < 24:
        return bytes((major | n,))
    if n < 1 << 8:
        return bytes((major | 24, n))
    if n < 1 << 16:
        return struct.pack(">BH", major | 25, n)
    if n < 1 << 32:
        return struct.pack(">BI", major | 26, n)
    return struct.pack(">BQ", major | 27, n)


_OBJECT = _head(0xC0, v.TAG_OBJECT) + b"\x82"
_SET = _head(0xC0, v.TAG_SET)
_HOLE = _head(0xC0, v.TAG_HOLE)
_TUPLE = _head(0xC0, v.TAG_TUPLE)
_ARRAY = _head(0xC0, v.TAG_ARRAY) + b"\x83"
_SCALAR = _head(0xC0, v.TAG_SCALAR) + b"\x82"
_PICKLE = _head(0xC0, v.TAG_PICKLE) + b"\x82"
_SMALL = [_head(0x00, n) for n in range(256)]
_float = struct.Struct(">Bd").pack


class _Encoder:
    __slots__ = ("allow_pickle", "buffers", "depth", "hole", "out", "pickled")

    def __init__(self, allow_pickle: bool, hole: Optional[Callable[[Any], Optional[int]]]) -> None:
        self.allow_pickle, self.hole = allow_pickle, hole
        self.out = bytearray()
        self.buffers: list[memoryview] = []
        self.pickled = False
        self.depth = 0

    def encoded(self) -> Encoded:
        """The item alone, or a document of lengths, item and aligned buffers."""
        if not self.buffers and not self.pickled:
            return Encoded(v.CBOR, [self.out], len(self.out))
        parts: list[Any] = [v.LENGTHS.pack(len(self.out), len(self.buffers))]
        parts += [struct.pack("<Q", b.nbytes) for b in self.buffers]
        parts.append(self.out)
        at = sum(map(len, parts))
        for b in self.buffers:
            parts += (bytes(v.aligned(at) - at), b)
            at = v.aligned(at) + b.nbytes
        return Encoded(v.PICKLE if self.pickled else v.ARRAY, parts, at)

    def item(self, value: Any) -> None:
        write = _WRITERS.get(type(value))
        if write is None:
            self.other(value)
        else:
            write(self, value)

    def write_none(self, _: None) -> None:
        self.out += b"\xf6"

    def write_bool(self, value: bool) -> None:
        self.out += b"\xf5" if value else b"\xf4"

    def write_int(self, value: int) -> None:
        if 0 <= value < 256:
            self.out += _SMALL[value]
        elif 0 <= value < 1 << 64:
            self.out += _head(0x00, value)
        elif -1 << 64 <= value < 0:
            self.out += _head(0x20, -1 - value)
        else:
            tag, magnitude = (v.TAG_BIG_POSITIVE, value) if value > 0 else (v.TAG_BIG_NEGATIVE, -1 - value)
            self.out += _head(0xC0, tag)
            self.write_bytes(magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big"))

    def write_float(self, value: float) -> None:
        self.out += _float(0xFB, value)

    def write_str(self, value: str) -> None:
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise _refuse(value, "and contains half a surrogate pair, expected text that UTF-8 can express, or bytes") from None
        self.out += _head(0x60, len(raw))
        self.out += raw

    def write_bytes(self, value: bytes) -> None:
        self.out += _head(0x40, len(value))
        self.out += value

    def write_list(self, value: Any) -> None:
        self.out += _head(0x80, len(value))
        self.deeper()
        for part in value:
            self.item(part)
        self.depth -= 1

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > v.MAX_DEPTH:
            raise RecursionError

    def write_tuple(self, value: tuple[Any, ...]) -> None:
        self.out += _TUPLE
        self.write_list(value)

    def write_set(self, value: set[Any]) -> None:
        self.out += _SET
        self.write_list(value)

    def write_dict(self, value: dict[Any, Any]) -> None:
        self.out += _head(0xA0, len(value))
        self.deeper()
        for key, part in value.items():
            self.item(key)
            self.item(part)
        self.depth -= 1

    def write_hole(self, value: v.Hole) -> None:
        self.out += _HOLE + _head(0x00, value.number)

    def write_array(self, value: v.Array) -> None:
        if self.fill_hole(value):
            return
        self.describe(value.dtype, value.shape)
        self.buffers.append(value.data)

    def describe(self, dtype: str, shape: tuple[int, ...]) -> None:
        self.out += _ARRAY
        self.write_str(dtype)
        self.write_list(shape)
        self.write_int(len(self.buffers))

    def other(self, value: Any) -> None:
        """What is met more rarely than what _WRITERS has, or is not known before it is met."""
        if self.fill_hole(value) or self.write_numpy(value):
            return
        if dataclasses.is_dataclass(value) and not isinstance(value, (type, *_WRITERS)) and _is_named(type(value)):
            self.write_dataclass(value)
        elif self.allow_pickle:
            self.write_pickle(value)
        else:
            raise _refuse(value)

    def fill_hole(self, value: Any) -> bool:
        number = None if self.hole is None else self.hole(value)
        if number is None:
            return False
        self.write_hole(v.Hole(number))
        return True

    def write_numpy(self, value: Any) -> bool:
        """Encodes arrays and scalars of numpy, which is imported already if there are any."""
        np: Any = sys.modules.get("numpy")
        if np is None or not (type(value) is np.ndarray or isinstance(value, np.generic)):
            return False
        dtype = value.dtype.newbyteorder("<").str
        try:
            v.byte_size(dtype, value.shape)
        except v.Malformed:
            return False
        raw = np.asarray(value, dtype=dtype, order="C").reshape(-1).view(np.uint8).data
        if isinstance(value, np.generic):
            self.out += _SCALAR
            self.write_str(dtype)
            self.write_bytes(bytes(raw))
        else:
            self.describe(dtype, value.shape)
            self.buffers.append(raw)
        return True

    def write_dataclass(self, value: Any) -> None:
        kind = type(value)
        self.out += _OBJECT
        self.write_str(f"{module_name(kind.__module__)}:{kind.__qualname__}")
        try:
            fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        except AttributeError as missing:
            raise _refuse(value, f"expected a value for each field: {missing}") from None
        self.write_dict(fields)

    def write_pickle(self, value: Any) -> None:
        buffers: list[pickle.PickleBuffer] = []
        try:
            raw = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
            views = [b.raw() for b in buffers]
        except Exception as failure:  # of the value's own methods: anything
            raise v.Unsendable(value, f"it is of type {type(value).__qualname__}, which pickle refuses: {failure}") from failure
        self.pickled = True
        self.out += _PICKLE
        self.write_bytes(raw)
        self.write_list(range(len(self.buffers), len(self.buffers) + len(views)))
        self.buffers += views


_WRITERS: dict[type, Callable[[_Encoder, Any], None]] = {
    type(None): _Encoder.write_none,
    bool: _Encoder.write_bool,
    int: _Encoder.write_int,
    float: _Encoder.write_float,
    str: _Encoder.write_str,
    bytes: _Encoder.write_bytes,
    list: _Encoder.write_list,
    tuple: _Encoder.write_tuple,
    dict: _Encoder.write_dict,
    set: _Encoder.write_set,
    v.Hole: _Encoder.write_hole,
    v.Array: _Encoder.write_array,
}


def _is_named(kind: type) -> bool:
    """Whether a reader finds a class by its module and name, which one that is made in a function has not."""
    return "<locals>" not in kind.__qualname__


def module_name(name: str) -> str:
    """The name by which others import a module: that of the program's own file instead of __main__."""
    if name != "__main__":
        return name
    main: Any = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is not None:
        return str(main.__spec__.name)
    path = str(getattr(main, "__file__", ""))
    return path.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
