"""Functions that are tasks."""

from __future__ import annotations

import functools
import re
import threading
from typing import Any, Callable, Generic, Mapping, Optional, Tuple, TypeVar, overload

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
    return Call(("dagscope._task", "same"), {"retries": 0, "timeout": None, "pickle": False, "cpus": 0.0, "memory": 0}, (value,), {})


_UNITS = {"b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


def _needs(resources: Mapping[str, Any]) -> Tuple[float, int]:
    """Processors and bytes of memory of resources."""
    unknown = set(resources) - {"cpu", "memory"}
    if unknown:
        raise ValueError(f"resources has {sorted(unknown)}, expected cpu and memory")
    cpu, memory = resources.get("cpu", 0.0), resources.get("memory", 0)
    if isinstance(cpu, bool) or not isinstance(cpu, (int, float)) or not (cpu == 0 or 0.001 <= cpu <= 1 << 16):
        raise ValueError(f"cpu is {cpu!r}, expected a number of processors, such as 2 or 0.5")
    if isinstance(memory, str):
        parsed = re.fullmatch(r"([0-9.]+) *([kmgt]ib|b)?", memory.strip().lower())
        try:
            memory = round(float(parsed[1]) * _UNITS[parsed[2] or "b"]) if parsed else -1
        except ValueError:
            memory = -1
    if type(memory) is not int or memory < 0:
        raise ValueError(f"memory is {resources['memory']!r}, expected bytes, or a text such as '512MiB' or '1.5GiB'")
    return float(cpu), memory


@overload
def task(function: Callable[..., R]) -> Task[R]: ...
@overload
def task(
    *, retries: int = 0, timeout: Optional[float] = None, pickle: bool = False, resources: Optional[Mapping[str, Any]] = None
) -> Callable[[Callable[..., R]], Task[R]]: ...
def task(
    function: Optional[Callable[..., R]] = None,
    *,
    retries: int = 0,
    timeout: Optional[float] = None,
    pickle: bool = False,
    resources: Optional[Mapping[str, Any]] = None,
) -> Any:
    """Makes a task of a function of a module, as @task or with options, as @task(retries=2).

    retries: how many times a failed attempt is repeated. timeout: seconds that an attempt may take, None for any time.
    pickle: values that cannot be sent otherwise are pickled, where the worker allows that. resources: what a call needs, as
    {"cpu": 2, "memory": "1.5GiB"}; a worker calls no more tasks at a time than it has processors and memory for.
    """
    if type(retries) is not int or retries < 0:
        raise ValueError(f"retries is {retries!r}, expected a whole number of at least 0")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout is {timeout!r}, expected more than 0 seconds, or None")
    cpus, memory = _needs(resources or {})
    options = {"retries": retries, "timeout": timeout, "pickle": pickle, "cpus": cpus, "memory": memory}
    return functools.partial(Task, options=options) if function is None else Task(function, options)
