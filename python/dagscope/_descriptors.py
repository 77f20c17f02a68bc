"""Descriptors that functions do not get in the way of."""

from __future__ import annotations

import fcntl
import os


def out_of_reach(descriptor: int) -> int:
    """Moves a descriptor to a number that functions rarely close and that no file gets which they open: these have the
    lowest numbers that are free."""
    for least in (512, 64):
        try:
            moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
        except OSError:  # above what the process may have
            continue
        os.close(descriptor)
        return moved
    return descriptor
