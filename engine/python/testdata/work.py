"""Functions that tests call."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

debian = None  # no function


def nothing(): ...


def echo(*args, **kwargs):
    if kwargs:
        return [args[0] if len(args) == 1 else tuple(args), kwargs]
    return list(args)


def add(a, b):
    return a + b


class Tools:
    @staticmethod
    def double(x):
        return 2 * x


@dataclass(frozen=True)
class Point:
    x: int
    y: Any = None


def point(x):
    return Point(x, Point(1))


def mirror(p):
    return type(p) is Point and p.y == Point(1) and p.x


def fail(text):
    raise ValueError(text)


def fail_deep(text):
    try:
        fail(text)
    except ValueError as failure:
        raise KeyError("outer") from failure


def fail_long():
    raise ValueError("x" * 1_000_000 + "end")


def depart():
    sys.exit(7)


def opaque():
    return [object()]


def fraction():
    return [Fraction(1, 2)]


def numerators(fractions):
    return [f.numerator for f in fractions]


def say(text, n):
    for _ in range(n):
        print(text)
    print("said")


def mutter(i):
    os.write(1, b"a\nb")
    print(i, end="")
    os.write(2, b"c\n")
    print(f"d{i}", file=sys.stderr)


def leave(code):
    print("bye", file=sys.stderr)
    os._exit(code)


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def close_all():
    os.closerange(3, 4096)
    time.sleep(3600)


def close_low():
    os.closerange(3, 500)
    with open(os.devnull, "w"), open(os.devnull, "w"):
        return 1


def close_stdout():
    sys.stdout.close()


def print_something():
    print("something")


def read_stdin():
    return sys.stdin.read()


def fork():
    if os.fork() == 0:
        return "child"
    return os.waitstatus_to_exitcode(os.wait()[1])


def fork_fail():
    if os.fork() == 0:
        raise ValueError("in a child")
    return os.waitstatus_to_exitcode(os.wait()[1])


def square(x):
    return x * x


def multi():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(3))


def wait(path):
    open(path, "w").close()
    time.sleep(3600)


def wait_politely(path):
    try:
        wait(path)
    except KeyboardInterrupt:
        os.rename(path, path + ".end")
        raise


def wait_deaf(path):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wait(path)


def wait_child(path):
    child = subprocess.Popen(["sleep", "3600"], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    with open(path + ".new", "wb") as file:
        file.write(child.pid.to_bytes(3, "little"))
    os.rename(path + ".new", path)
    child.wait()


def pid():
    return os.getpid()


def grow(n):
    global kept
    kept = bytearray(n)


def peak(n):
    bytearray(n)
    time.sleep(0.002)  # what is shorter is not measured


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(10000))


def burn_child(seconds):
    program = f"import time\nwhile time.process_time() < {seconds}: sum(range(10000))"
    subprocess.run([sys.executable, "-c", program], check=True)


def bigs(n):
    return [bytes(1 << 17) for _ in range(n)]


def lengths(*parts):
    return list(map(len, parts))


def ones(n):
    import numpy

    return numpy.ones(n)


def own_memory():
    """MiB of this process that are not shared memory."""
    with open("/proc/self/status") as status:
        return int(status.read().split("RssAnon:")[1].split()[0]) >> 10


def sum_in_place(a):
    before = own_memory()
    total = float(a.sum())
    return [total, a.ctypes.data % 64 == 0, a.flags.writeable, max(0, own_memory() - before) // 8]


def change(a):
    a *= -1
    return float(a[0])


def evaluate(expression):
    return eval(expression)


def evaluate_numpy(expression):
    import numpy

    return eval(expression, {"np": numpy})
