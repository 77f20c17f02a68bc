"""Large values in memory that two processes share, passed on by its descriptor.

On Linux a segment is an anonymous file of memory that is sealed once it is written: neither its size nor its bytes can
change, so that no reader is surprised. Elsewhere it is a temporary file without a name. A reader maps it privately:
what it changes is copied page by page and is its own.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from typing import Any, Iterable


def create(parts: Iterable[Any]) -> int:
    """Writes parts into a new segment and returns its descriptor, which the caller has to close."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.writelines(parts)
            file.flush()
            return os.dup(file.fileno())
    descriptor = os.memfd_create("dagscope", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.writelines(parts)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def mapped(descriptor: int) -> memoryview:
    """The bytes of a segment. They stay mapped as long as the view, or an array in it, is in use."""
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
