"""The loop of an interpreter that a worker of dagscope keeps warm: it calls functions as requests come.

Requests, replies and the descriptors of large values come and go over descriptors of their own, as FORMAT.md in
engine/python describes, so that a function may print, read its empty standard input, raise, start threads and fork. One
that ends the process or closes all descriptors loses this interpreter and nothing else.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import platform
import signal
import socket
import struct
import sys
import traceback
from typing import Any, Callable, NoReturn, Sequence

from . import _values as v
from ._decode import decode, numpy
from ._descriptors import out_of_reach
from ._encode import Encoded, encode
from ._lookup import Missing, find
from ._meter import Meter
from ._payload import MAX_SEGMENTS, Packed, Unpacking, pack
from ._segments import mapped
from ._task import be_inside

VERSION = 1

SETUP, CALL = 1, 2  # kinds of requests
HELLO, RETURNED, FAILED = 1, 2, 3  # kinds of replies

MAX_FRAME = 1 << 17
MAX_TEXT = 24 << 10  # bytes of a traceback, or of the text of an exception

SIZE = struct.Struct("<I")  # of the rest of a frame
REQUEST = struct.Struct("<BBHIIQ")  # kind, flags, bytes of the name, values, descriptors, bytes of the payload
ALLOW_PICKLE, IN_SEGMENT, SPLIT = 1, 2, 4  # flags of a request
REPLY = struct.Struct("<B8qIIQ")  # kind, eight measurements, values, descriptors, bytes of the payload

NOTHING = Packed(b"", [], 0)


class Ended(Exception):
    """The requests have ended, or are not what this protocol has; there is nothing more to do."""


class Channel:
    """Frames over a pair of pipes, and descriptors over a socket."""

    def __init__(self, requests: int, replies: int, passing: int) -> None:
        self.requests, self.replies = out_of_reach(requests), out_of_reach(replies)
        self.passing = socket.socket(fileno=out_of_reach(passing))

    def receive(self) -> bytes:
        """The next frame, with its size."""
        frame = b""
        expected = SIZE.size
        while len(frame) < expected:  # once, unless a frame is larger than what the pipe holds
            more = os.read(self.requests, 1 << 16)
            if not more:
                raise Ended("the requests end within a frame" if frame else "")
            frame += more
            if len(frame) >= SIZE.size:
                expected = SIZE.size + SIZE.unpack_from(frame)[0]
                if expected > MAX_FRAME:
                    raise Ended(f"a frame of {expected} bytes, expected at most {MAX_FRAME}")
        if len(frame) != expected:
            raise Ended(f"{len(frame)} bytes where a frame has {expected}")
        return frame

    def send(self, rest: bytes, packed: Packed = NOTHING) -> None:
        """Sends a frame, then the descriptors of which it says how many there are."""
        frame = SIZE.pack(len(rest)) + rest
        try:
            written = os.write(self.replies, frame)
            while written < len(frame):
                written += os.write(self.replies, frame[written:])
            if packed.descriptors:
                socket.send_fds(self.passing, [b"\0"], packed.descriptors)
        finally:
            packed.close()

    def segments(self, count: int) -> list[memoryview]:
        """The next large values, mapped into memory; each is private to this process, so that it may be changed."""
        views: list[memoryview] = []
        while len(views) < count:
            data, descriptors, _, _ = socket.recv_fds(self.passing, 1, MAX_SEGMENTS)
            if not data or not descriptors:
                raise Ended(f"{len(views)} descriptors, expected {count}")
            try:
                views += map(mapped, descriptors)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
        return views

    def close(self) -> None:
        os.close(self.requests)
        os.close(self.replies)
        self.passing.close()


class Worker:
    """Calls functions, one at a time."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.meter = channel, Meter()
        self.functions: dict[bytes, Callable[..., Any]] = {}
        self.is_fork = False
        os.register_at_fork(after_in_child=self.forked)

    def forked(self) -> None:
        """What a function forks has no part in the protocol."""
        self.is_fork = True
        self.channel.close()

    def set_up(self) -> None:
        """Answers the first request, which says where modules are and which ones to import ahead."""
        frame = self.channel.receive()
        if frame[SIZE.size] != SETUP:
            raise Ended(f"a request of kind {frame[SIZE.size]}, expected the setup")
        setup = decode(v.CBOR, frame[SIZE.size + 1 :])
        if setup["version"] == VERSION:
            sys.path[:0] = setup["path"]
            for module in setup["preimport"]:
                try:
                    importlib.import_module(module)
                except Exception as failure:  # of any code; the call that needs the module reports it with its traceback
                    print(f"dagscope: {module} cannot be imported ahead: {failure!r}", file=sys.stderr)
        numbers = sys.modules.get("numpy") and numpy()
        hello = {"version": VERSION, "python": platform.python_version(), "numpy": numbers and numbers.__version__}
        self.channel.send(bytes((HELLO,)) + encode(hello).join())

    def run(self) -> NoReturn:
        """Answers requests until an exception ends it: Ended, or what a function has done to this process."""
        while True:
            self.meter.rest()
            frame = self.channel.receive()
            self.meter.start()
            self.answer(frame)

    def answer(self, frame: bytes) -> None:
        try:
            kind, result = RETURNED, self.call(frame)
        except Ended:
            raise
        except BaseException as failure:  # KeyboardInterrupt and SystemExit of a function too
            kind, result = FAILED, _failure(failure)
        if self.is_fork:
            self.leave(kind, result)
        try:
            packed = pack(result)
        except OSError as failure:  # no memory or no descriptor is left
            kind, result = FAILED, _failure(v.Unsendable(f"the result needs shared memory: {failure}"))
            packed = pack(result)
        _flush()
        head = REPLY.pack(kind, *self.meter.measure(), len(result), len(packed.descriptors), packed.size)
        self.channel.send(head + (packed.inline or b""), packed)

    def leave(self, kind: int, result: Sequence[Encoded]) -> NoReturn:
        """Ends a process that a function has forked and that has come back from the function."""
        if kind == FAILED:
            print(*decode(v.CBOR, result[0].join())[1:], sep="\n", file=sys.stderr)
        _flush()
        os._exit(kind == FAILED)

    def call(self, frame: bytes) -> list[Encoded]:
        if len(frame) < SIZE.size + REQUEST.size or frame[SIZE.size] != CALL:
            raise Ended("a request that is no call")
        _, flags, name_size, count, descriptors, size = REQUEST.unpack_from(frame, SIZE.size)
        at = SIZE.size + REQUEST.size + name_size
        name, payload = frame[at - name_size : at], frame[at:]
        segments = self.channel.segments(descriptors) if descriptors else []
        if flags & IN_SEGMENT and segments:
            payload = segments.pop()
        if len(payload) != size:
            raise Ended(f"a payload of {len(payload)} bytes, expected {size}")
        function = self.functions.get(name)
        if function is None:
            function = self.functions[name] = find(name.decode(errors="replace"))
        allow_pickle = bool(flags & ALLOW_PICKLE)
        args, kwargs = _arguments(Unpacking(payload, count, iter(segments), allow_pickle))
        del payload, segments
        result = function(*args, **kwargs)
        return [encode(part, allow_pickle=allow_pickle) for part in (result if flags & SPLIT else (result,))]


def _arguments(payload: Unpacking) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named ones: those of the template, or the values in their order where there is none."""
    if not payload.entries:
        raise v.Malformed("a call without an entry for its template")
    *entries, template = payload.entries
    args = [payload.value(entry) for entry in entries]
    if not template:
        payload.end()
        return args, {}
    filled = payload.value(template, args)
    payload.end()
    if type(filled) is not list or [type(part) for part in filled] != [list, dict]:
        raise v.Malformed("a template that is not a list of a list and a dict")
    return filled[0], filled[1]


def _failure(failure: BaseException) -> list[Encoded]:
    """What is reported of an exception: why, its class, its text, and its traceback without the frames of this package."""
    at = failure.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_MACHINERY):
        at = at.tb_next
    kind = type(failure)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = str(failure)
    except Exception as second:
        text = f"its text cannot be had: {type(second).__name__}"
    reason = _REASONS.get(kind, "raised") if at is None else "raised"
    shown = "" if reason != "raised" else "".join(traceback.format_exception(kind, failure, at))
    return [encode([part.encode(errors="replace")[-MAX_TEXT:].decode(errors="ignore") for part in (reason, name, text, shown)])]


# Why a call fails before or after its function, if no frame of the function is in the traceback.
_REASONS = {Missing: "missing", v.Unsendable: "unsendable", v.Malformed: "malformed"}
_MACHINERY = (os.path.join(os.path.dirname(__file__), ""), os.path.join(os.path.dirname(importlib.__file__), ""), "<frozen importlib")


def _open_streams() -> None:
    """Standard output and error as lines, as they come."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)


def _flush() -> None:
    """Has what a function printed leave this process before its reply. Streams that it has closed are opened again."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # of any object that a function has put in their place
        _open_streams()


def main() -> None:
    """Serves an interpreter's descriptors: 3 has the requests, 4 gets the replies, 5 and 6 become standard output and error,
    over 7 descriptors are passed."""
    be_inside()
    os.dup2(5, 1)
    os.dup2(6, 2)
    os.closerange(5, 7)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored if the parent ignores it
    faulthandler.enable()  # a crash leaves the traceback in the tail of standard error
    _open_streams()
    try:
        worker = Worker(Channel(3, 4, 7))
        worker.set_up()
        worker.run()
    except Ended as end:
        sys.exit(f"dagscope: {end}, so this interpreter ends" if str(end) else 0)
    except OSError as failure:
        sys.exit(f"dagscope: {failure}, expected the descriptors of the protocol to be open: a function may have closed them")
    except KeyboardInterrupt:
        sys.exit(130)
