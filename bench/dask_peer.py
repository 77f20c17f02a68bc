"""Dask's schedulers on the graphs and workloads of the benchmark. Each line that it prints is one JSON object.

usage: dask_peer.py ROUNDS SHAPE:SIZE[,...]                       scheduling alone: the tasks add numbers
       dask_peer.py ROUNDS workloads GEMM_SIZE GEMM_BLOCK TSQR_ROWS TSQR_COLS TSQR_BLOCK TEXT CHUNK

Times are those of the quickest round, of the process and its children where the scheduler has some.
"""

import json
import os
import re
import resource
import sys
import time
from collections import Counter

import dask
import dask.array as da
import numpy
from dask.multiprocessing import get as get_processes
from dask.threaded import get as get_threads
from shapes import chain, fan, tree

SCHEDULERS = {"sync": dask.get, "threads": get_threads}


def emit(**fields):
    print(json.dumps(fields), flush=True)


def blas():
    """The BLAS that numpy has loaded, as the linker found it."""
    libraries = set()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            path = line.split()[-1]
            if re.search(r"/lib\w*(blas|mkl|blis|atlas)[\w.-]*\.so", path):
                libraries.add(os.path.realpath(path))
    return ", ".join(sorted(libraries)) or "unknown"


class Graph:
    """Makes tasks as a plain Dask graph, which is executed by a scheduler's get."""

    name = "graph"

    def __init__(self):
        self.graph = {}

    def task(self, function, *args):
        key = ("task", len(self.graph))
        self.graph[key] = (function, *args)
        return key

    def run(self, result, get):
        return get(self.graph, result)


class Delayed:
    """Makes tasks with dask.delayed, which are executed by compute, as programs do."""

    name = "delayed"

    def task(self, function, *args):
        return dask.delayed(function, pure=False)(*args)

    def run(self, result, get):
        return result.compute(scheduler=get)


def processor_time():
    return sum(
        u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def quickest(rounds, run):
    """The least wall and processor time of a round, and what the last round returned."""
    wall = cpu = float("inf")
    for _ in range(rounds):
        before, began = processor_time(), time.perf_counter()
        value = run()
        wall = min(wall, time.perf_counter() - began)
        cpu = min(cpu, processor_time() - before)
    return wall, cpu, value


def scheduling(rounds, shapes):
    for shape in shapes.split(","):
        kind, size = shape.split(":")
        for api in (Graph(), Delayed()):
            result, tasks, want = {"tree": tree, "fan": fan, "chain": chain}[kind](api.task, int(size))
            for name, get in SCHEDULERS.items():
                wall, cpu, value = quickest(rounds, lambda: api.run(result, get))
                if value != want:
                    raise SystemExit(f"{shape} under {name} gives {value}, expected {want}")
                emit(scheduler=name, api=api.name, shape=kind, size=int(size), tasks=tasks, wall_s=wall, cpu_s=cpu)


WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def chunks(text, size):
    """Pieces of at least size bytes that end where white space begins."""
    pieces, start = [], 0
    while len(text) - start > size:
        end = start + size
        while end < len(text) and not text[end : end + 1].isspace():
            end += 1
        pieces.append(text[start:end])
        start = end
    if start < len(text) or not pieces:
        pieces.append(text[start:])
    return pieces


def normalise(piece):
    return WORD.findall(piece.decode("utf-8", "replace").lower())


def merge(counts):
    total = Counter()
    for c in counts:
        total.update(c)
    return total


def wordcount(text, size):
    counts = [dask.delayed(Counter)(dask.delayed(normalise)(piece)) for piece in chunks(text, size)]
    return dask.delayed(merge)(counts)


def workloads(rounds, size, block, rows, cols, tall, text_file, chunk):
    with open(text_file, "rb") as f:
        text = f.read()
    random = da.random.RandomState(1)
    a, b = (random.uniform(-1, 1, (size, size), chunks=(block, block)) for _ in range(2))
    x = random.uniform(-1, 1, (rows, cols), chunks=(tall, cols))
    works = {
        "gemm-blocked": lambda **how: dask.compute(a @ b, **how)[0].shape,
        "svd-tall": lambda **how: [v.shape for v in dask.compute(*da.linalg.svd(x), **how)],
        "wordcount": lambda **how: wordcount(text, chunk).compute(**how),
    }
    for name in [*SCHEDULERS, "processes"]:
        for work, run in works.items():
            get = SCHEDULERS.get(name, get_processes)
            wall, cpu, value = quickest(rounds, lambda: run(scheduler=get))
            fields = {"scheduler": name, "work": work, "wall_s": wall, "cpu_s": cpu}
            if work == "wordcount":
                fields.update(words=sum(value.values()), distinct=len(value))
            emit(**fields)


def main(rounds, what, *rest):
    emit(dask=dask.__version__, numpy=numpy.__version__, python=sys.version.split()[0], blas=blas())
    if what == "workloads":
        *numbers, text, chunk = rest
        workloads(int(rounds), *map(int, numbers), text, int(chunk))
    else:
        scheduling(int(rounds), what)


if __name__ == "__main__":
    main(*sys.argv[1:])
