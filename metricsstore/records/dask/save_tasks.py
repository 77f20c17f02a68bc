# Saves the tasks that a Dask cluster executes, with what each depends on, in a file for "dagscope import".
# Paste it into your program or notebook (the scheduler must not have to import it), then:
#
#     with saved_tasks(client, "run.json", name="my analysis"):
#         result.compute()

import contextlib
import json
import time
import uuid

import dask
from distributed.diagnostics.plugin import SchedulerPlugin


class SavedTasks(SchedulerPlugin):
    name = "dagscope-saved-tasks"

    def __init__(self):
        self.dependencies, self.tasks, self.returned, self.blamed = {}, [], {}, {}

    def start(self, scheduler):
        self.scheduler = scheduler

    def transition(self, key, start, finish, *args, **kwargs):
        task, text = self.scheduler.tasks.get(key), str(key)
        if task is None:
            return
        if finish in ("waiting", "processing", "queued", "no-worker"):
            self.dependencies[text] = [str(d.key) for d in task.dependencies]
        if start == "processing" and finish in ("memory", "erred"):
            self.tasks.append(dict(
                {k: v for k, v in kwargs.items() if k in (
                    "worker", "thread", "startstops", "status", "nbytes", "typename", "exception_text", "traceback_text")},
                key=text, status="OK" if finish == "memory" else "error"))
        elif start == "processing":  # its worker was lost, or it failed and is tried again
            self.returned[text] = self.returned.get(text, 0) + 1
        elif finish == "erred" and task.exception_blame is not None:
            self.blamed[text] = str(task.exception_blame.key)

    def saved(self):
        workers = {
            w.address: {"name": str(w.name), "host": w.host, "nthreads": w.nthreads}
            for w in self.scheduler.workers.values()}
        return {
            "workers": workers, "dependencies": self.dependencies, "returned": self.returned, "blamed": self.blamed,
            "tasks": self.tasks}


@contextlib.contextmanager
def saved_tasks(client, path, name="Dask graph"):
    register = getattr(client, "register_plugin", None) or client.register_scheduler_plugin
    plugin = SavedTasks.name
    client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.plugins.pop(plugin, None) and None)
    register(SavedTasks())
    head = {"format": "dask-tasks", "version": 1, "id": str(uuid.uuid4()), "name": name, "dask": dask.__version__}
    started = time.monotonic()
    try:
        yield
    finally:
        head["seconds"] = time.monotonic() - started
        saved = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.plugins.pop(plugin).saved())
        with open(path, "w") as file:
            json.dump({**head, **saved}, file, default=str)
