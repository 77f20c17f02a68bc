"""Reads values as they are sent (FORMAT.md).

The bytes may be damaged or hostile: everything else than an encoded value raises Malformed, nothing is allocated that
the bytes do not account for, and a pickle is only opened where that is allowed. A dataclass is looked up by its module
and name, so whoever sends a value can have a module imported, as whoever submits a task can; its fields are set as they
were, without a call of its methods.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pickle
import struct
from typing import Any, Callable, Optional, Sequence

from . import _values as v


def decode(codec: int, data: Any, *, allow_pickle: bool = False, holes: Sequence[Any] = (), writable: bool = False) -> Any:
    """The inverse of encode. holes are the values of a template's holes.

    writable says that data belongs to the value from now on, so that arrays can lie in it; otherwise they are copies.
    """
    if codec == v.CBOR:
        d = _Decoder(data if type(data) is bytes else bytes(data), [], holes, allow_pickle, writable)
    elif codec in (v.ARRAY, v.PICKLE):
        if codec == v.PICKLE and not allow_pickle:
            raise v.Malformed("a pickle, which this call does not allow")
        item, buffers = _open(memoryview(data))
        d = _Decoder(item, buffers, holes, allow_pickle and codec == v.PICKLE, writable)
    else:
        raise v.Malformed(f"the codec {codec}, expected 1, 2 or 3")
    try:
        value = d.item()
    except RecursionError:
        raise v.Malformed("tags of tags") from None
    if d.at != len(d.data):
        raise v.Malformed(f"{len(d.data) - d.at} bytes too many after an item")
    return value


def _open(document: memoryview) -> tuple[bytes, list[memoryview]]:
    """The item and the buffers of a document."""
    if document.nbytes < v.LENGTHS.size:
        raise v.Malformed("a document that ends within its lengths")
    size, count = v.LENGTHS.unpack_from(document)
    at = v.LENGTHS.size + 8 * count
    if at + size > document.nbytes:
        raise v.Malformed(f"a document of {document.nbytes} bytes, expected at least {at + size}")
    lengths = struct.unpack_from(f"<{count}Q", document, v.LENGTHS.size)
    item, at = bytes(document[at : at + size]), at + size
    buffers = []
    for length in lengths:
        at = v.aligned(at)
        buffers.append(document[at : at + length])
        at += length
    if at != document.nbytes:
        raise v.Malformed(f"a document of {document.nbytes} bytes, expected {at}")
    return item, buffers


class _Decoder:
    __slots__ = ("allow_pickle", "at", "buffers", "data", "depth", "holes", "writable")

    def __init__(self, data: bytes, buffers: list[memoryview], holes: Sequence[Any], allow_pickle: bool, writable: bool) -> None:
        self.data, self.buffers, self.holes = data, buffers, holes
        self.allow_pickle, self.writable = allow_pickle, writable
        self.at = 0
        self.depth = 0

    def item(self) -> Any:
        at = self.at
        if at >= len(self.data):
            raise v.Malformed("it ends where an item is expected")
        first = self.data[at]
        self.at = at + 1
        if first < 24:
            return first
        if first < 28:  # this and the next also below, but values are mostly numbers
            return int.from_bytes(self.take(1 << first - 24), "big")
        if first == 0xFB:
            return _double(self.take(8))[0]
        return _READERS[first >> 5](self, first & 31)

    def count(self, info: int) -> int:
        """The number that follows the first byte of an item."""
        if info < 24:
            return info
        width = _WIDTHS.get(info)
        if width is None:
            raise v.Malformed(f"an item of the length {info}, expected a definite one")
        return int.from_bytes(self.take(width), "big")

    def take(self, n: int) -> bytes:
        end = self.at + n
        if end > len(self.data):
            raise v.Malformed(f"{n} bytes from {self.at} of {len(self.data)}")
        taken, self.at = self.data[self.at : end], end
        return taken

    def parts(self, info: int, least: int = 1) -> int:
        """How many parts of at least so many bytes follow."""
        n = self.count(info)
        if n * least > len(self.data) - self.at:
            raise v.Malformed(f"{n} parts in {len(self.data) - self.at} bytes")
        self.depth += 1
        if self.depth > v.MAX_DEPTH:
            raise v.Malformed(f"nested more than {v.MAX_DEPTH} levels deep")
        return n

    def read_positive(self, info: int) -> int:
        return self.count(info)

    def read_negative(self, info: int) -> int:
        return -1 - self.count(info)

    def read_bytes(self, info: int) -> bytes:
        return self.take(self.count(info))

    def read_str(self, info: int) -> str:
        try:
            return self.take(self.count(info)).decode()
        except UnicodeDecodeError as failure:
            raise v.Malformed(f"a text: {failure}") from None

    def read_list(self, info: int) -> list[Any]:
        value = []
        for _ in range(self.parts(info)):  # a comprehension would take one more of Python's levels of calls
            value.append(self.item())
        self.depth -= 1
        return value

    def read_dict(self, info: int) -> dict[Any, Any]:
        n = self.parts(info, 2)
        value = {}
        try:
            for _ in range(n):
                key = self.item()
                value[key] = self.item()
        except TypeError:
            raise v.Malformed("a key that cannot be one in Python") from None
        if len(value) != n:
            raise v.Malformed("a key that is there twice")
        self.depth -= 1
        return value

    def read_tag(self, info: int) -> Any:
        number = self.count(info)
        read = _TAGS.get(number)
        if read is None:
            raise v.Malformed(f"an item with the tag {number}")
        return read(self)

    def read_simple(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        form = _FLOATS.get(info)
        if form is None:
            raise v.Malformed(f"a simple value {info}, expected false, true, null or a floating-point number")
        return form.unpack(self.take(form.size))[0]

    def expect(self, kind: type, what: str) -> Any:
        value = self.item()
        if type(value) is not kind:
            raise v.Malformed(f"a {type(value).__name__} as {what}, expected a {kind.__name__}")
        return value

    def fields(self, what: str, n: int) -> None:
        """The head of a list of n parts."""
        if self.take(1)[0] != 0x80 | n:
            raise v.Malformed(f"{what}, expected a list of {n}")

    def read_big(self) -> int:
        return int.from_bytes(self.expect(bytes, "a large number"), "big")

    def read_big_negative(self) -> int:
        return -1 - self.read_big()

    def read_hole(self) -> Any:
        number = self.expect(int, "the number of a hole")
        if not 0 <= number < len(self.holes):
            raise v.Malformed(f"the hole {number} of {len(self.holes)}")
        return self.holes[number]

    def read_tuple(self) -> tuple[Any, ...]:
        return tuple(self.expect(list, "a tuple"))

    def read_set(self) -> set[Any]:
        parts = self.expect(list, "a set")
        try:
            return set(parts)
        except TypeError:
            raise v.Malformed("a member of a set that cannot be one in Python") from None

    def buffer(self, number: Any) -> memoryview:
        if type(number) is not int or not 0 <= number < len(self.buffers):
            raise v.Malformed(f"the buffer {number!r:.40} of {len(self.buffers)}")
        return self.buffers[number]

    def read_array(self) -> Any:
        self.fields("an array", 3)
        dtype = self.expect(str, "a dtype")
        shape = tuple(self.expect(list, "a shape"))
        raw = self.buffer(self.item())
        if raw.nbytes != v.byte_size(dtype, shape):
            raise v.Malformed(f"an array of {dtype} and shape {shape} with {raw.nbytes} bytes, expected {v.byte_size(dtype, shape)}")
        data = raw if self.writable else bytearray(raw)
        np = numpy()
        if np is None:
            return v.Array(dtype, shape, data)
        if raw.nbytes == 0:
            return np.empty(shape, dtype)
        return np.frombuffer(data, dtype).reshape(shape)

    def read_scalar(self) -> Any:
        self.fields("a scalar", 2)
        dtype = self.expect(str, "a dtype")
        raw = self.expect(bytes, "a scalar")
        if len(raw) != v.byte_size(dtype, ()):
            raise v.Malformed(f"a scalar of {dtype} with {len(raw)} bytes")
        np = numpy()
        return v.Array(dtype, (), raw) if np is None else np.frombuffer(raw, dtype)[0]

    def read_object(self) -> Any:
        self.fields("a dataclass", 2)
        kind = _find(self.expect(str, "the name of a dataclass"))
        fields = self.expect(dict, "the fields of a dataclass")
        value = object.__new__(kind)
        names = {f.name for f in dataclasses.fields(kind)}
        if names != set(fields):
            differ = ", ".join(sorted(str(name) for name in names ^ set(fields)))
            raise v.Malformed(f"a {kind.__qualname__} whose fields differ from those of the class here: {differ:.200}")
        for name, part in fields.items():
            object.__setattr__(value, name, part)
        return value

    def read_pickle(self) -> Any:
        if not self.allow_pickle:
            raise v.Malformed("a pickle, which this call does not allow")
        self.fields("a pickle", 2)
        raw = self.expect(bytes, "a pickle")
        buffers = [self.buffer(number) for number in self.expect(list, "the buffers of a pickle")]
        return pickle.loads(raw, buffers=buffers if self.writable else [bytearray(b) for b in buffers])


_double = struct.Struct(">d").unpack
_WIDTHS = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE = {20: False, 21: True, 22: None}
_FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_READERS: list[Callable[[_Decoder, int], Any]] = [
    _Decoder.read_positive,
    _Decoder.read_negative,
    _Decoder.read_bytes,
    _Decoder.read_str,
    _Decoder.read_list,
    _Decoder.read_dict,
    _Decoder.read_tag,
    _Decoder.read_simple,
]
_TAGS: dict[int, Callable[[_Decoder], Any]] = {
    v.TAG_BIG_POSITIVE: _Decoder.read_big,
    v.TAG_BIG_NEGATIVE: _Decoder.read_big_negative,
    v.TAG_OBJECT: _Decoder.read_object,
    v.TAG_SET: _Decoder.read_set,
    v.TAG_HOLE: _Decoder.read_hole,
    v.TAG_TUPLE: _Decoder.read_tuple,
    v.TAG_ARRAY: _Decoder.read_array,
    v.TAG_SCALAR: _Decoder.read_scalar,
    v.TAG_PICKLE: _Decoder.read_pickle,
}


@functools.lru_cache(maxsize=None)  # a failed import would search all folders each time
def numpy() -> Optional[Any]:
    """numpy where it is installed, else None."""
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None


def _find(name: str) -> type:
    """The dataclass of a name as module:Outer.Inner."""
    module, _, path = name.partition(":")
    found: Any = None
    try:
        found = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as failure:
        raise v.Malformed(f"the dataclass {name:.200} is not found: {failure}") from failure
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise v.Malformed(f"{name:.200} is not a dataclass")
    return found
