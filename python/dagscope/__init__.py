"""Python functions as tasks of dagscope.

    from dagscope import task

    @task(retries=2)
    def count(text: str) -> int:
        return len(text.split())
"""

from ._task import Task, task
from ._values import Array, Unsendable

__all__ = ["Array", "Task", "Unsendable", "task"]
