"""Pi by random points, a task for each sample: python3 examples/pi.py (with python/ in PYTHONPATH, or pip install ./python)."""

import random

from dagscope import Client, fan_out, task


@task
def seeds(n: int) -> list[int]:
    return list(range(n))


@task
def hits(seed: int, points: int = 100_000) -> int:
    rng = random.Random(seed)
    return sum(rng.random() ** 2 + rng.random() ** 2 <= 1 for _ in range(points))


@task
def pi(counts: list[int], points: int = 100_000) -> float:
    return 4 * sum(counts) / (len(counts) * points)


if __name__ == "__main__":
    print(Client().submit(pi(fan_out(seeds(16), hits))).result())
