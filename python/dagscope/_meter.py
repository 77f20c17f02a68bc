"""What a call uses of the machine.

Processor time is that of this process with all its threads, and of processes that it started and waited for. The peak
of resident memory is that since the call began, where the kernel can start counting anew (Linux), else since the process
did. Reading all of it takes as long as a call that does nothing. So calls below a millisecond have their processor time
without its division into user and system, and the memory that was read last, which is not older than 64 calls; their
bytes count for the next longer call.
"""

from __future__ import annotations

import os
import resource
import sys
import time

from ._descriptors import out_of_reach

LONG = 0.001  # seconds; in one, a process touches at most some MiB for the first time
EVERY = 64

_PER_RSS = 1 if sys.platform == "darwin" else 1024  # bytes of one unit of ru_maxrss


class Meter:
    def __init__(self) -> None:
        self.status = _opened("/proc/self/status", os.O_RDONLY)
        self.io = _opened("/proc/self/io", os.O_RDONLY)
        self.clear = _opened("/proc/self/clear_refs", os.O_WRONLY)
        self.children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.bytes = self.read_bytes()
        self.calls = 0
        self.read_memory()
        self.rest()
        self.start()

    def rest(self) -> None:
        """Before the process waits for a call: what was used so far is not the call's."""
        self.before, self.used = resource.getrusage(resource.RUSAGE_SELF), time.process_time_ns()

    def start(self) -> None:
        self.began = time.perf_counter()

    def measure(self) -> tuple[int, ...]:
        """User and system time in nanoseconds; peak and present resident memory in bytes; bytes that went through read(2)
        and write(2) and their like; voluntary and involuntary context switches. -1 is unknown."""
        self.calls += 1
        if time.perf_counter() - self.began >= LONG:
            return self.measure_all()
        if self.calls % EVERY == 0:
            self.read_memory()
        return time.process_time_ns() - self.used, 0, self.peak, self.resident, -1, -1, -1, -1

    def measure_all(self) -> tuple[int, ...]:
        now, before = resource.getrusage(resource.RUSAGE_SELF), self.before
        children, earlier = resource.getrusage(resource.RUSAGE_CHILDREN), self.children
        count, known = self.read_bytes(), self.bytes
        self.children, self.bytes = children, count
        self.read_memory()
        measured = (
            round((now.ru_utime - before.ru_utime + children.ru_utime - earlier.ru_utime) * 1e9),
            round((now.ru_stime - before.ru_stime + children.ru_stime - earlier.ru_stime) * 1e9),
            self.peak,
            self.resident,
            count[0] - known[0] if count[0] >= 0 else -1,
            count[1] - known[1] if count[1] >= 0 else -1,
            now.ru_nvcsw - before.ru_nvcsw,
            now.ru_nivcsw - before.ru_nivcsw,
        )
        self.peak = max(self.resident, 0) or self.peak
        return measured

    def read_memory(self) -> None:
        """Reads peak and present resident memory, and has the kernel count the peak anew.

        ru_maxrss would not do on Linux: a process begins with the peak of the one that started it.
        """
        if self.status < 0:
            self.peak, self.resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PER_RSS, -1
            return
        text = os.pread(self.status, 1 << 13, 0)
        self.peak, self.resident = _number(text, b"VmHWM:", b" kB", 1024), _number(text, b"VmRSS:", b" kB", 1024)
        if self.clear >= 0:
            os.write(self.clear, b"5")

    def read_bytes(self) -> tuple[int, int]:
        if self.io < 0:
            return -1, -1
        text = os.pread(self.io, 1 << 10, 0)
        return _number(text, b"rchar:", b"\n"), _number(text, b"wchar:", b"\n")


def _opened(path: str, flags: int) -> int:
    """The descriptor of a file, -1 where there is none."""
    try:
        return out_of_reach(os.open(path, flags))
    except OSError:
        return -1


def _number(text: bytes, name: bytes, end: bytes, unit: int = 1) -> int:
    """The number of a line, -1 where there is none."""
    at = text.find(name)
    return int(text[at + len(name) : text.index(end, at)]) * unit if at >= 0 else -1
