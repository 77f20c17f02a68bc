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
    """Yields a line for each way, with an error instead of a time where it cannot do it. All others have to give the same,
    which is what the graph says where it knows."""
    lines = {way.name: {"way": way.name, "work": work, "size": size} for way in all_ways}
    first = None
    for r in range(-1, rounds):
        for way in all_ways:
            line = lines[way.name]
            if "error" in line:
                continue
            try:
                took, line["tasks"], want, value = once(way, work, size)
            except Exception as failure:
                line["error"] = type(failure).__name__
                continue
            first = value if first is None else first
            expected = first if want is None else want
            if value != expected:
                raise SystemExit(f"{work} {size}: {way.name} gives {value!r}, expected {expected!r}")
            if r >= 0:
                line["wall_s"] = min(took, line.get("wall_s", took))
    yield from lines.values()


def main(rounds, all_work):
    print(json.dumps(ways.versions()), flush=True)
    with ways.every() as all_ways:
        for part in all_work.split(","):
            work, size = part.split(":")
            for line in contest(int(rounds), work, int(size), all_ways):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
