"""Ways of executing a graph, all with two workers that are started beforehand.

A way has task(function, *args), which describes a call and whose results may be arguments of others, alone or in lists,
and run(result). Those of concurrent.futures know no graph: they make a call once its arguments are there.
"""

import concurrent.futures
import contextlib
import functools
import importlib.util
import multiprocessing
import pathlib
import sys

import dagscope

WORKERS = 2


class Dagscope:
    name = "dagscope"

    def __init__(self, stack):
        self.client = stack.enter_context(dagscope.Client(data=pathlib.Path(__file__).parent / "dagscope-data", quiet=True))
        self.tasks = {}

    def task(self, function, *args):
        if function not in self.tasks:
            self.tasks[function] = dagscope.task(function)
        return self.tasks[function](*args)

    def run(self, result):
        return self.client.submit(result).result()


class Dask:
    """dask.delayed on one of its schedulers, with workers of its own that are kept. The one of processes makes one task of
    those that follow each other, which it cannot send if they are many, unless it is unfused."""

    def __init__(self, name, fuse=True, **options):
        import dask

        self.name, self.options, self.delayed = "dask " + name, options, dask.delayed
        self.configured = functools.partial(dask.config.set, {} if fuse else {"optimization.fuse.active": False})

    def task(self, function, *args):
        return self.delayed(function, pure=False)(*args)

    def run(self, result):
        with self.configured():
            return result.compute(**self.options)


class Futures:
    def __init__(self, name, pool):
        self.name, self.pool = "futures " + name, pool

    def task(self, function, *args):
        return self.pool.submit(function, *map(self.run, args))

    def run(self, result):
        if isinstance(result, list):
            return [self.run(part) for part in result]
        return result.result() if isinstance(result, concurrent.futures.Future) else result


def processes(stack):
    return stack.enter_context(concurrent.futures.ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")))


def dask_ways(stack):
    """Nothing where there is no Dask."""
    if importlib.util.find_spec("dask") is None or importlib.util.find_spec("distributed") is None:
        return
    import distributed

    # It is not the default scheduler of this process, which is what the others warn of.
    yield Dask("sync", scheduler="sync")
    yield Dask("threads", scheduler="threads", num_workers=WORKERS)
    yield Dask("processes", scheduler="processes", pool=processes(stack))
    yield Dask("unfused", fuse=False, scheduler="processes", pool=processes(stack))
    cluster = stack.enter_context(
        distributed.LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    )
    yield Dask("distributed", scheduler=stack.enter_context(distributed.Client(cluster, set_as_default=False)).get)


@contextlib.contextmanager
def every():
    """All ways that this Python has."""
    with contextlib.ExitStack() as stack:
        ways = [Dagscope(stack), *dask_ways(stack)]
        ways.append(Futures("threads", stack.enter_context(concurrent.futures.ThreadPoolExecutor(WORKERS))))
        ways.append(Futures("processes", processes(stack)))
        yield ways


def versions():
    found = {"python": sys.version.split()[0]}
    for name in ("numpy", "dask"):
        if importlib.util.find_spec(name) is not None:
            found[name] = importlib.import_module(name).__version__
    return found
