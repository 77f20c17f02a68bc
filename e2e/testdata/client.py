"""Graphs of Python functions, and the same computed without dagscope."""

import json
import pathlib
import sys
import time

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


@task
def ramp(length):
    import numpy as np

    return np.arange(length, dtype=np.float64)


@task
def piece(values, i, of):
    """The sum of one of so many pieces, not so quick that one worker could be done with all before others have begun."""
    time.sleep(0.2)
    return float(values[i * len(values) // of : (i + 1) * len(values) // of].sum())


def chain(client, n):
    graph = total(fan_out(fan_out(fan_out(numbers(n), square), square), square))
    return client.submit(graph).result() == sum(((x * x) ** 2) ** 2 for x in range(n))


def arrays(client):
    """Whether an array of 64 MiB comes back, and is what tasks read that run at the same time on several workers."""
    import numpy as np

    large, length = ramp(8 << 20), 8 << 20
    sums = client.submit([piece(large, i, 8) for i in range(8)]).result()
    back = client.submit(large).result()
    return [bool(np.array_equal(back, np.arange(length, dtype=np.float64))), sum(sums) == length * (length - 1) / 2]


def main(data, marks, *more):
    client = Client(data=data)
    nested = client.submit(gather([square(3), {"k": (square(4), 5)}], second=fan_out(numbers(3), square))).result()
    inner = client.submit(fan_out(numbers(4), lambda n: fan_out(numbers(n), square))).result()
    try:
        client.submit(broken()).result()
        error = "none"
    except TaskError as failed:
        error = failed.traceback.splitlines()[-1]
    said = {
        "nested": nested, "inner": inner, "chains": [chain(client, n) for n in (0, 1, 7, 1000)],
        "flaky": client.submit(flaky(marks)).result(), "error": error,
    }
    if more:
        said["arrays"] = arrays(client)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
