"""Functions that are tasks."""

from __future__ import annotations

import functools
import threading
from typing import Any, Callable, Generic, Optional, TypeVar, overload

from ._graph import Call, Ref, named

R = TypeVar("R")

_inside = False  # of this process


class _Local(threading.local):
    """How many calls of Task.local this thread is in."""

    depth = 0


_local = _Local()


def be_inside() -> None:
    """From now on this process executes tasks: calls of functions call them, as one task may call what is another."""
    global _inside
    _inside = True


class Task(Generic[R]):
    """A function with the options of its tasks, made by the decorator task.

    Calling it describes a call, which a run executes: the result is a Ref that others can be called with. local calls the
    function itself, as every call inside of a task does.
    """

    def __init__(self, function: Callable[..., R], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.options = function, options

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _inside or _local.depth:
            return self.function(*args, **kwargs)
        return Call(named(self.function), self.options, args, kwargs)

    def local(self, *args: Any, **kwargs: Any) -> R:
        """Calls the function here and now, and so do the calls of tasks in it."""
        _local.depth += 1
        try:
            return self.function(*args, **kwargs)
        finally:
            _local.depth -= 1

    def __repr__(self) -> str:
        return f"<task {self.function.__module__}:{self.function.__qualname__}>"


def same(value: Any) -> Any:
    """Its argument: the task that makes one value of several."""
    return value


def as_ref(value: Any) -> Ref:
    """A value with refs in it as one, whose run returns the value with what they stand for."""
    if isinstance(value, Ref):
        return value
    return Call(("dagscope._task", "same"), {"retries": 0, "timeout": None, "pickle": False}, (value,), {})


@overload
def task(function: Callable[..., R]) -> Task[R]: ...
@overload
def task(*, retries: int = 0, timeout: Optional[float] = None, pickle: bool = False) -> Callable[[Callable[..., R]], Task[R]]: ...
def task(function: Optional[Callable[..., R]] = None, *, retries: int = 0, timeout: Optional[float] = None, pickle: bool = False) -> Any:
    """Makes a task of a function of a module, as @task or with options, as @task(retries=2).

    retries: how many times a failed attempt is repeated. timeout: seconds that an attempt may take, None for any time.
    pickle: values that cannot be sent otherwise are pickled, where the worker allows that.
    """
    if type(retries) is not int or retries < 0:
        raise ValueError(f"retries is {retries!r}, expected a whole number of at least 0")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout is {timeout!r}, expected more than 0 seconds, or None")
    options = {"retries": retries, "timeout": timeout, "pickle": pickle}
    return functools.partial(Task, options=options) if function is None else Task(function, options)
