"""Functions that are tasks."""

from __future__ import annotations

import functools
from typing import Any, Callable, Generic, Optional, TypeVar, overload

R = TypeVar("R")


class Task(Generic[R]):
    """A function with the options of its tasks, made by the decorator task. Calling it calls the function."""

    def __init__(self, function: Callable[..., R], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.options = function, options

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.function.__module__}:{self.function.__qualname__}>"


@overload
def task(function: Callable[..., R]) -> Task[R]: ...
@overload
def task(
    *, retries: int = 0, timeout: Optional[float] = None, resources: Optional[dict[str, float]] = None, pickle: bool = False
) -> Callable[[Callable[..., R]], Task[R]]: ...
def task(
    function: Optional[Callable[..., R]] = None,
    *,
    retries: int = 0,
    timeout: Optional[float] = None,
    resources: Optional[dict[str, float]] = None,
    pickle: bool = False,
) -> Any:
    """Makes a task of a function of a module, as @task or with options, as @task(retries=2).

    retries: how many times a failed attempt is repeated. timeout: seconds that an attempt may take, None for any time.
    resources: what an attempt needs of its worker, such as {"cpu": 2, "memory": 2e9} in processors and bytes.
    pickle: values that cannot be sent otherwise are pickled, where the worker allows that.
    """
    options = {"retries": retries, "timeout": timeout, "resources": resources or {}, "pickle": pickle}
    return functools.partial(Task, options=options) if function is None else Task(function, options)
