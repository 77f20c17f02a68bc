"""Functions by their names."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable

from ._task import Task


class Missing(Exception):
    """There is no such function."""


def find(name: str) -> Callable[..., Any]:
    """The function of a name as module:Outer.inner. Imports its module if nothing has needed it yet."""
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as failure:
        if not f"{module}.".startswith(f"{failure.name}."):
            raise  # the module is there, and imports another one
        raise Missing(f"there is no module {module}, expected it in one of {sys.path}") from None
    for part in path.split("."):
        found = getattr(found, part, None)
    if isinstance(found, Task):
        found = found.function
    if not callable(found):
        raise Missing(f"there is no function {path} in {getattr(sys.modules[module], '__file__', module)}")
    return found


def check(name: str) -> None:
    """Fails as a call of the function would that cannot find it. Workers call it before they claim a task."""
    find(name)
