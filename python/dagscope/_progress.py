"""A line on the terminal that says how far a run is."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Iterator

WIDTH = 30


class Bar:
    """Nothing, unless standard error is a terminal. every is how many seconds to wait before it is shown again, 0 for never."""

    def __init__(self, on: bool) -> None:
        self.every, self.shown = 0.2 if on else 0.0, False

    def show(self, state: dict[str, Any]) -> None:
        if not self.every:
            return
        tasks, done = state.get("tasks", 0), state.get("done", 0)
        filled = WIDTH * done // max(tasks, 1)
        sys.stderr.write(f"\r\x1b[K{'█' * filled}{'░' * (WIDTH - filled)} {done:,} of {tasks:,} tasks  {state['status']}")
        sys.stderr.flush()
        self.shown = True

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def bar(quiet: bool) -> Iterator[Bar]:
    made = Bar(not quiet and sys.stderr.isatty())
    try:
        yield made
    finally:
        made.clear()
