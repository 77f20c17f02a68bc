"""The graphs that schedulers of Python are measured with.

task(function, *args) describes a call, or makes it. Each shape returns what stands for its result, how many tasks it has,
and what its result has to be.
"""


def leaf(a):
    return a


def add(a, b):
    return a + b


def tree(task, leaves):
    level = [task(leaf, i) for i in range(leaves)]
    while len(level) > 1:
        up = [task(add, level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = up + (level[-1:] if len(level) % 2 else [])
    return level[0], 2 * leaves - 1, leaves * (leaves - 1) // 2


def fan(task, branches):
    root = task(leaf, 0)
    result = task(sum, [task(add, root, i + 1) for i in range(branches)])
    return result, branches + 2, branches * (branches + 1) // 2


def chain(task, links):
    at = task(leaf, 0)
    for i in range(1, links):
        at = task(add, at, i)
    return at, links, links * (links - 1) // 2
