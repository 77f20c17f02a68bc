"""Python functions as tasks of dagscope.

    from dagscope import Client, fan_out, task

    @task(retries=2)
    def count(text: str) -> int:
        return len(text.split())

    @task
    def add(counts: list[int]) -> int:
        return sum(counts)

    if __name__ == "__main__":
        print(Client().submit(add(fan_out(["a b", "c"], count))).result())

A worker imports the file that a function is in, so what a program does beyond defining functions belongs below the last
condition.
"""

from typing import TYPE_CHECKING, Any

from ._graph import Ref, fan_out
from ._task import Task, task
from ._values import Array, Unsendable

if TYPE_CHECKING:
    from ._client import Client, Environment, Refused, Run, TaskError, as_completed

__all__ = ["Array", "Client", "Environment", "Ref", "Refused", "Run", "Task", "TaskError", "Unsendable", "as_completed", "fan_out", "task"]


def __getattr__(name: str) -> Any:
    """What only clients need is imported when one first asks for it: interpreters of workers start sooner without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _client

    return getattr(_client, name)
