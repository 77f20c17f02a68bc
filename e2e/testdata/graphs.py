"""Graphs of Python functions, executed by a service, compared with plain Python. TestGraphsOfPython calls it."""

import dataclasses
import os
import resource
import tempfile
import threading
import unittest
from typing import Any

import numpy as np

from dagscope import Client, Refused, TaskError, Unsendable, as_completed, fan_out, task


@dataclasses.dataclass
class Pair:
    first: Any
    second: Any


@task
def add(*numbers):
    return sum(numbers)


@task
def total(tree):
    """The sum of all numbers in a value, at any depth. It calls itself, which in a task is a call as any other."""
    if isinstance(tree, dict):
        return sum(total(part) for part in tree.values())
    if isinstance(tree, (list, tuple)):
        return sum(total(part) for part in tree)
    return total([tree.first, tree.second]) if isinstance(tree, Pair) else tree


@task
def up_to(n):
    return list(range(n))


@task
def square(n):
    return n * n


@task
def increased(n, *, by=1):
    return n + by


@task
def ramp(n):
    return np.arange(n, dtype=np.float64)


@task
def blocks(n):
    return [np.full(3, i) for i in range(n)]


@task
def array_sum(a):
    return float(a.sum())


@task(retries=2)
def third_time(path):
    with open(path, "a") as file:
        file.write("x")
    if os.path.getsize(path) < 3:
        raise RuntimeError("not yet")
    return "done"


@task
def refuse(why):
    raise KeyError(f"no {why}")


@task
def wait_for(path):
    while not os.path.exists(path):
        threading.Event().wait(0.001)
    return path


@task
def toil(seconds, size):
    """Keeps a processor busy and memory in use; the result is what the kernel says of that."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    held = bytearray(os.urandom(1) * size)
    while True:
        now = resource.getrusage(resource.RUSAGE_SELF)
        used = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
        if used >= seconds:
            return used, now.ru_maxrss * 1024, len(held)


class Graphs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = Client(quiet=True)
        cls.addClassCleanup(cls.client.close)

    def value(self, what):
        """The value of a graph, every attempt of which has to know its CPU time."""
        run = self.client.submit(what)
        value = run.result()
        tasks = self.client._service.json("GET", f"/api/v1/runs/{run.id}/tasks?limit=1000")["tasks"]
        used = [attempt["usage"] and attempt["usage"]["cpu_ns"] for attempt in tasks if not attempt["function"].startswith("dagscope.")]
        self.assertTrue(all(n is not None and n >= 0 for n in used), used)
        self.assertEqual(run.status, "succeeded")
        return value

    def test_nested_arguments(self):
        one, two = add(1), add(1, 1)
        tree = [[one, two], {"a": one, "b": (two, [3])}, Pair(one, [two])]
        self.assertEqual(self.value(total(tree)), 12)
        self.assertEqual(self.value(tree), [[1, 2], {"a": 1, "b": (2, [3])}, Pair(1, [2])])
        self.assertEqual(self.value(increased(one, by=two)), 3)
        self.assertEqual(total.local([1, (2, {3: 4})]), 7)

    def test_usage(self):
        """What an attempt used is what the kernel says inside of it, to a tenth."""
        run = self.client.submit(toil(1.0, 256 << 20))
        cpu, peak, _ = run.result()
        [attempt] = self.client._service.json("GET", f"/api/v1/runs/{run.id}/tasks")["tasks"]
        self.assertAlmostEqual(attempt["usage"]["cpu_ns"] / 1e9 / cpu, 1, delta=0.1)
        self.assertAlmostEqual(attempt["usage"]["memory_bytes"] / peak, 1, delta=0.1)

    def test_chain_of_fan_outs(self):
        for n in (0, 1, 7, 1000):
            chained = fan_out(fan_out(fan_out(up_to(n), square), increased), square)
            self.assertEqual(self.value(chained), [(i * i + 1) ** 2 for i in range(n)])

    def test_fan_out_in_a_fan_out(self):
        three = add(1, 2)
        nested = fan_out(up_to(4), lambda n: fan_out(up_to(n), lambda m: add(m, n, three)))
        want = [[m + n + 3 for m in range(n)] for n in range(4)]
        self.assertEqual(self.value(nested), want)
        self.assertEqual(self.value(fan_out(nested, lambda row: fan_out(row, square))), [[m * m for m in row] for row in want])
        numbers = up_to(3)
        self.assertEqual(self.value([total(numbers), fan_out(numbers, square), fan_out([numbers, [4]], total)]), [3, [0, 1, 4], [3, 4]])

    def test_arrays(self):
        n = 8 << 20  # 64 MiB
        large = ramp(n)
        self.assertEqual(self.value(array_sum(large)), n * (n - 1) / 2)
        back = self.value(large)
        self.assertTrue(np.array_equal(back, np.arange(n, dtype=np.float64)))
        self.assertEqual(self.value([array_sum(np.ones(1000)), array_sum(a=np.zeros(3))]), [1000.0, 0.0])
        self.assertEqual(self.value(fan_out(blocks(3), array_sum)), [0.0, 3.0, 6.0])
        self.assertEqual(self.value(fan_out(fan_out(up_to(3), blocks), lambda b: fan_out(b, array_sum))), [[], [0.0], [0.0, 3.0]])

    def test_long_chain(self):
        number = add(0)
        for _ in range(1000):
            number = increased(number)
        self.assertEqual(self.value(number), 1000)

    def test_retries(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "attempts")
            self.assertEqual(self.value(third_time(path)), "done")
            self.assertEqual(os.path.getsize(path), 3)

    def test_errors(self):
        run = self.client.submit(total([refuse("luck")]))
        with self.assertRaises(TaskError) as caught:
            run.result()
        self.assertEqual((caught.exception.task, run.status), ("graphs.refuse", "failed"))
        self.assertIn("KeyError: 'no luck'", str(caught.exception))
        self.assertIn('raise KeyError(f"no {why}")', caught.exception.traceback)
        self.assertNotIn("_worker.py", caught.exception.traceback)

    def test_cancel_and_as_completed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "go")
            waiting, stuck = self.client.submit(wait_for(path)), self.client.submit(wait_for(path + ".never"))
            with self.assertRaises(TimeoutError):
                waiting.result(timeout=0.001)
            stuck.cancel()
            runs = as_completed([waiting, stuck])
            self.assertIs(next(runs), stuck)
            with self.assertRaisesRegex(TaskError, "is cancelled"):
                stuck.result()
            with open(path, "w"):
                pass
            self.assertEqual(next(runs).result(), path)
            self.assertEqual(list(runs), [])

    def test_other_clients(self):
        """A second client finds the service, and one without the key is refused."""
        with Client(quiet=True) as second:
            self.assertEqual(second.url, self.client.url)
            self.assertEqual(second.submit(add(1, 2)).result(), 3)
        with self.assertRaises(Refused) as caught, Client(self.client.url, token="wrong" * 4) as stranger:
            stranger.submit(add(1))
        self.assertEqual(caught.exception.status, 403)

    def test_what_cannot_be_sent(self):
        with self.assertRaisesRegex(TypeError, "a lambda or defined inside of a function"):
            task(lambda: 1)()
        with self.assertRaisesRegex(Unsendable, r"graphs:add: argument \[1\] cannot be sent: it is of type object"):
            add(1, object())
        leaked = []
        fan_out([1], lambda element: leaked.append(add(element)) or leaked[0])
        with self.assertRaisesRegex(ValueError, "made in the body of a fan_out and is used outside of it"):
            self.client.submit(add(leaked[0]))
        with self.assertRaisesRegex(TypeError, "has no value before its graph runs"):
            list(add(1))


if __name__ == "__main__":
    unittest.main()
