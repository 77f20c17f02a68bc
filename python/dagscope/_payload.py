"""Several values in one piece of bytes, the large ones apart in segments."""

from __future__ import annotations

import os
import struct
from typing import Any, Iterator, NamedTuple, Optional, Sequence

from . import _segments
from ._decode import decode
from ._encode import Encoded
from ._values import CBOR, Malformed, aligned

INLINE = 60 << 10  # bytes of a payload that is part of a frame, so that the frame fits into a pipe of 64 KiB
MAX_SEGMENTS = 250  # of a payload, below what Linux passes at once and what a process may have open

# An entry is the size of a value, its codec, and whether it is in a segment.
_SIZE, _CODEC, _APART = (1 << 56) - 1, 56, 1 << 63


class Packed(NamedTuple):
    """A payload. The receiver of the descriptors has to close them; the last one is the payload's if it is not inline."""

    inline: Optional[bytes]
    descriptors: list[int]
    size: int

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def pack(values: Sequence[Encoded]) -> Packed:
    if len(values) == 1 and values[0].codec == CBOR and values[0].size < INLINE - 8:  # as most are
        inline = struct.pack("<Q", values[0].size | CBOR << _CODEC) + values[0].join()
        return Packed(inline, [], len(inline))
    entries: list[int] = []
    parts: list[Any] = [b""]  # in place of the entries
    descriptors: list[int] = []
    at = 8 * len(values)
    try:
        for codec, value, size in values:
            entry = size | codec << _CODEC
            if size > INLINE and len(descriptors) < MAX_SEGMENTS - 1:
                descriptors.append(_segments.create(value))
                entry |= _APART
            else:
                if codec != CBOR:
                    parts.append(bytes(aligned(at) - at))
                    at = aligned(at)
                parts += value
                at += size
            entries.append(entry)
        parts[0] = struct.pack(f"<{len(entries)}Q", *entries)
        if at <= INLINE:
            return Packed(b"".join(parts), descriptors, at)
        descriptors.append(_segments.create(parts))
    except BaseException:
        Packed(None, descriptors, 0).close()
        raise
    return Packed(None, descriptors, at)


class Unpacking:
    """Reads a payload: bytes that are copied from, or a segment, in which arrays may stay.

    segments are those of the values, in their order. Raises Malformed.
    """

    def __init__(self, data: Any, count: int, segments: Iterator[memoryview], allow_pickle: bool) -> None:
        if len(data) < 8 * count:
            raise Malformed(f"a payload of {len(data)} bytes for {count} values")
        self.data, self.segments, self.allow_pickle = data, segments, allow_pickle
        self.entries = struct.unpack_from(f"<{count}Q", data)
        self.at = 8 * count

    def value(self, entry: int, holes: Sequence[Any] = ()) -> Any:
        codec, size = entry >> _CODEC & 127, entry & _SIZE
        if entry & _APART:
            data: Any = next(self.segments, b"")
        else:
            if codec != CBOR:
                self.at = aligned(self.at)
            data = self.data[self.at : self.at + size]
            self.at += size
        if len(data) != size:
            raise Malformed(f"a value of {len(data)} bytes, expected {size}")
        return decode(codec, data, allow_pickle=self.allow_pickle, holes=holes, writable=type(data) is memoryview)

    def end(self) -> None:
        if self.at != len(self.data) or next(self.segments, None) is not None:
            raise Malformed(f"a payload of {len(self.data)} bytes, expected {self.at} and no further segment")
