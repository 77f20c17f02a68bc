"""The functions of gemm.yaml."""

import numpy as np

Block = dict[str, "int | np.ndarray"]


def matrix(n: int, seed: int) -> np.ndarray:
    """A matrix of small whole numbers, so that every product is exact."""
    return np.random.default_rng(seed).integers(0, 10, (n, n)).astype(float)


def split(n: int, blocks: int) -> list[Block]:
    """Pair each block of rows of the one matrix with each block of columns of the other."""
    a, b = matrix(n, 1), matrix(n, 2)
    rows, columns = np.array_split(np.arange(n), blocks), np.array_split(np.arange(n), blocks)
    return [{"row": int(r[0]), "column": int(c[0]), "a": a[r], "b": b[:, c]} for r in rows for c in columns]


def multiply(block: Block) -> Block:
    """Multiply a block of rows by a block of columns."""
    return {"row": block["row"], "column": block["column"], "product": block["a"] @ block["b"]}


def check(parts: list[Block], n: int) -> dict[str, bool | float]:
    """Put the product together, and compare it with that of the whole matrices."""
    product = np.empty((n, n))
    for part in parts:
        rows, columns = part["product"].shape
        product[part["row"] : part["row"] + rows, part["column"] : part["column"] + columns] = part["product"]
    return {"correct": bool((product == matrix(n, 1) @ matrix(n, 2)).all()), "trace": float(np.trace(product))}
