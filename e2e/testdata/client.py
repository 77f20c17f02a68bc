"""Graphs of Python functions, and the same computed without dagscope."""

import json
import pathlib
import sys

from dagscope import Client, TaskError, fan_out, task


@task
def numbers(n):
    return list(range(n))


@task
def square(x):
    return x * x


@task
def total(values):
    return sum(values)


@task
def gather(first, *, second):
    return {"first": first, "second": second}


@task(retries=2)
def flaky(marks):
    """Fails twice."""
    mark = pathlib.Path(marks) / f"{len(list(pathlib.Path(marks).iterdir()))}"
    mark.touch()
    if mark.name < "2":
        raise ValueError(f"attempt {mark.name}")
    return "third"


@task
def broken():
    raise LookupError("nothing here")


def chain(client, n):
    graph = total(fan_out(fan_out(fan_out(numbers(n), square), square), square))
    return client.submit(graph).result() == sum(((x * x) ** 2) ** 2 for x in range(n))


def main(data, marks):
    client = Client(data=data)
    nested = client.submit(gather([square(3), {"k": (square(4), 5)}], second=fan_out(numbers(3), square))).result()
    inner = client.submit(fan_out(numbers(4), lambda n: fan_out(numbers(n), square))).result()
    try:
        client.submit(broken()).result()
        error = "none"
    except TaskError as failed:
        error = failed.traceback.splitlines()[-1]
    print(json.dumps({
        "nested": nested, "inner": inner, "chains": [chain(client, n) for n in (0, 1, 7, 1000)],
        "flaky": client.submit(flaky(marks)).result(), "error": error,
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
