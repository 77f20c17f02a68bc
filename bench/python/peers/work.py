"""What is executed: a graph of a size, made by task(function, *args), with how many tasks it has and what it gives.

A module of its own, so that workers import the functions and nothing else.
"""

import time

from shapes import chain, fan, tree


def nap(seconds):
    time.sleep(seconds)
    return 1


def naps(task, count):
    """Tasks of 10 ms, which do nothing in that time."""
    return task(sum, [task(nap, 0.01) for _ in range(count)]), count + 1, count


def block(size, row, column, side):
    """A block of a matrix whose elements anyone can tell: row - column modulo 7, of the whole matrix."""
    import numpy

    rows = numpy.arange(row * size, (row + 1) * size) % 7
    columns = numpy.arange(column * size, (column + 1) * size) % 7
    return (rows[:, None] * 1.0 - columns[None, :] * side).astype(numpy.float64)


def multiply(rows, columns):
    """A block of a product."""
    total = rows[0] @ columns[0]
    for a, b in zip(rows[1:], columns[1:]):
        total += a @ b
    return total


def checksum(blocks):
    return float(sum(abs(b).sum() for b in blocks))


def gemm(task, size):
    """A product of two square matrices in blocks of a quarter of their sides, as its sum of absolute values."""
    n, side = 4, size // 4
    a = [[task(block, side, i, k, 1) for k in range(n)] for i in range(n)]
    b = [[task(block, side, k, j, 2) for j in range(n)] for k in range(n)]
    product = [task(multiply, a[i], [b[k][j] for k in range(n)]) for i in range(n) for j in range(n)]
    return task(checksum, product), 2 * n * n + n * n + 1, None


WORK = {"tree": tree, "fan": fan, "chain": chain, "naps": naps, "gemm": gemm}
