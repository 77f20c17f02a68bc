"""Measures ways of executing graphs of Python functions next to each other. Each line that it prints is one JSON object.

usage: contest.py ROUNDS WORK:SIZE[,...]

In each round each way executes each graph once, one after the other; a round before the first is not measured. The time is
from the first call to the result, making the graph included.
"""

import json
import sys
import time

import ways
from work import WORK


def once(way, work, size):
    began = time.perf_counter()
    result, tasks, want = WORK[work](way.task, size)
    value = way.run(result)
    took = time.perf_counter() - began
    return took, tasks, want, value


def contest(rounds, work, size, all_ways):
    """Yields a line for each way. All have to give the same, which is what the graph says where it knows."""
    least, values = {}, {}
    for r in range(-1, rounds):
        for way in all_ways:
            took, tasks, want, value = once(way, work, size)
            values[way.name] = value
            expected = values[all_ways[0].name] if want is None else want
            if value != expected:
                raise SystemExit(f"{work} {size}: {way.name} gives {value!r}, expected {expected!r}")
            if r >= 0:
                least[way.name] = min(took, least.get(way.name, took))
    for name, wall in least.items():
        yield {"way": name, "work": work, "size": size, "tasks": tasks, "wall_s": wall}


def main(rounds, all_work):
    print(json.dumps(ways.versions()), flush=True)
    with ways.every() as all_ways:
        for part in all_work.split(","):
            work, size = part.split(":")
            for line in contest(int(rounds), work, int(size), all_ways):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
