"""Graphs: what calls of tasks describe before anything runs.

Refs know what they are made of, and the order in which they were made is one in which they can be executed, so a graph is
described by listing what its result needs. engine/submission/FORMAT.md of dagscope has the form.
"""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any, Callable, Iterable, NoReturn, Optional, Union

from . import _values as v
from ._encode import Encoded, encode, module_name

VERSION = 1

VALUE, CALL, LIST, EACH, END = range(5)  # kinds of nodes

_serials = itertools.count()


class _Scopes(threading.local):
    """The fan-outs whose bodies are being called, the innermost last."""

    def __init__(self) -> None:
        self.open: list[Element] = []


_scopes = _Scopes()


class Ref:
    """Stands for a value that exists once a run has made it: it can be handed to tasks, alone or in lists, tuples, dicts
    and dataclasses, and be submitted."""

    __slots__ = ("scope", "serial")

    def __init__(self) -> None:
        self.serial = next(_serials)
        self.scope: Optional[Element] = _scopes.open[-1] if _scopes.open else None

    def reads(self) -> Iterable[Ref]:
        """The refs that this one needs."""
        return ()

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(f"{self!r} has no value before its graph runs: hand it to a task, to fan_out, or to Client.submit")

    __bool__ = __len__ = __iter__ = __getitem__ = _refuse


class Call(Ref):
    """What a call of a function returns. Its arguments are encoded here, so that the call that cannot be sent fails."""

    __slots__ = ("arguments", "function", "holes", "options")

    def __init__(self, function: tuple[str, str], options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.function, self.options = function, options
        holes = _Holes(options["pickle"])
        try:
            self.arguments = _raw(encode([list(args), kwargs], hole=holes.number))
        except v.Unsendable as failure:
            text = str(failure).replace("value[0]", "argument ", 1).replace("value[1]", "named argument ", 1)
            raise v.Unsendable(f"{':'.join(function)}: {text}") from failure.__cause__
        self.holes = holes.refs

    def reads(self) -> Iterable[Ref]:
        return self.holes

    def __repr__(self) -> str:
        return f"<ref of {':'.join(self.function)}>"


class Value(Ref):
    """A value that is sent as it is."""

    __slots__ = ("allow_pickle", "value")

    def __init__(self, value: Any, allow_pickle: bool = False) -> None:
        super().__init__()
        self.value, self.allow_pickle = value, allow_pickle
        self.scope = None  # it is the same for every element


class List(Ref):
    """A list that a fan-out runs over."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Ref]) -> None:
        super().__init__()
        self.parts = parts

    def reads(self) -> Iterable[Ref]:
        return self.parts


class Element(Ref):
    """Stands for each element of a list in the body of a fan-out."""

    __slots__ = ("source",)

    def __init__(self, source: Ref) -> None:
        super().__init__()
        self.source = source

    def reads(self) -> Iterable[Ref]:
        return (self.source,)

    def __repr__(self) -> str:
        return "<ref of an element>"


class FanOut(Ref):
    """The list of what the body of a fan-out returns for the elements."""

    __slots__ = ("element", "result")

    def __init__(self, element: Element, result: Ref) -> None:
        super().__init__()
        self.element, self.result = element, result

    def reads(self) -> Iterable[Ref]:
        return (self.element, self.result)

    def __repr__(self) -> str:
        return "<ref of a fan-out>"


def fan_out(items: Union[Ref, Iterable[Any]], body: Callable[[Any], Any]) -> Ref:
    """Applies body to each element of a list, and stands for the list of the results in the order of the elements.

    items is a ref of a list, whose length only the run finds out, or a list of values and refs. body is called once, with
    a ref that stands for each element; it may call tasks, use refs from outside, and fan out again. Where items is what
    fan_out returned, an element goes from one body to the next without waiting for the others.
    """
    from ._task import as_ref

    if not isinstance(items, Ref):
        items = List([part if isinstance(part, Ref) else _part(part) for part in items])
    element = Element(items)
    _scopes.open.append(element)
    try:
        result = as_ref(body(element))
    finally:
        _scopes.open.pop()
    return FanOut(element, result)


def _part(value: Any) -> Ref:
    """An element that is no ref: a value, or a call that puts it together if there are refs in it."""
    from ._task import as_ref

    call = as_ref(value)
    return call if isinstance(call, Call) and any(not isinstance(ref, Value) for ref in call.holes) else Value(value)


def named(function: Any) -> tuple[str, str]:
    """Module and name by which a worker finds a function."""
    module, name = module_name(str(function.__module__)), str(function.__qualname__)
    if "<" in name:
        raise TypeError(f"{name} cannot be a task: it is a lambda or defined inside of a function, expected a function that a module has by its name")
    if module == "__main__":
        raise TypeError(f"{name} cannot be a task: it is of an interactive session, expected a function of a file, which a worker can import")
    return module, name


class _Holes:
    """Numbers the refs in the arguments of a call, and what becomes a value of its own: arrays, which would be copied with
    every use, and what has to be pickled."""

    def __init__(self, allow_pickle: bool) -> None:
        self.allow_pickle = allow_pickle
        self.refs: list[Ref] = []
        self.known: dict[int, int] = {}  # by identity; refs keeps the objects alive

    def number(self, value: Any) -> Optional[int]:
        found = self.known.get(id(value))
        if found is not None:
            return found
        if isinstance(value, Ref):
            ref = value
        elif isinstance(value, v.Array) or _is_ndarray(value) or self.is_pickled(value):
            ref = Value(value, self.allow_pickle)
        else:
            return None
        self.known[id(value)] = len(self.refs)
        self.refs.append(ref)
        return len(self.refs) - 1

    def is_pickled(self, value: Any) -> bool:
        return self.allow_pickle and not hasattr(type(value), "__dataclass_fields__") and not _is_numpy(value)


def _is_numpy(value: Any) -> bool:
    np: Any = sys.modules.get("numpy")
    return np is not None and isinstance(value, (np.ndarray, np.generic))


def _is_ndarray(value: Any) -> bool:
    np: Any = sys.modules.get("numpy")
    return np is not None and type(value) is np.ndarray


def _raw(encoded: Encoded) -> bytes:
    return b"".join((bytes((encoded.codec,)), *encoded.parts))


def describe(result: Ref, name: str, archive: str, environment: Optional[dict[str, Any]] = None) -> bytes:
    """The graph that makes result, for the service. archive is the hash of the project's files, "" for none; environment
    describes the packages of its tasks."""
    d = _Description(result)
    nodes: Any = d.nodes
    graph = {"version": VERSION, "name": name, "archive": archive, "functions": d.functions, "nodes": nodes, "result": d.numbers[result]}
    if environment is not None:
        graph["environment"] = environment
    return bytes(encode(graph).join())


class _Description:
    def __init__(self, result: Ref) -> None:
        self.functions: list[dict[str, Any]] = []
        self.nodes: list[list[Any]] = []
        self.numbers: dict[Ref, int] = {}  # of what can be mentioned
        self.known: dict[tuple[str, str, bool], int] = {}  # functions
        self.values: dict[tuple[int, bool], int] = {}  # by identity
        self.scopes: dict[Optional[Element], list[Ref]] = {}
        for ref in sorted(_needed(result), key=lambda ref: ref.serial):
            if isinstance(ref, Value):
                self.value(ref)
            elif not isinstance(ref, Element):  # its fan-out has it
                self.scopes.setdefault(ref.scope, []).append(ref)
        self.scope(None)
        self.number(result)

    def scope(self, of: Optional[Element]) -> None:
        for ref in self.scopes.get(of, ()):
            if isinstance(ref, Call):
                self.add(ref, CALL, self.function(ref), ref.arguments, [self.number(hole) for hole in ref.holes])
            elif isinstance(ref, List):
                self.add(ref, LIST, 0, b"", [self.number(part) for part in ref.parts])
            elif isinstance(ref, FanOut):
                self.fan_out(ref)

    def fan_out(self, ref: FanOut) -> None:
        self.add(ref.element, EACH, self.number(ref.element.source), b"", [])
        self.scope(ref.element)
        result = self.number(ref.result)
        for inner in (ref.element, *self.scopes.get(ref.element, ())):
            self.numbers.pop(inner, None)
        self.add(ref, END, result, b"", [])

    def add(self, ref: Ref, kind: int, number: int, data: bytes, nodes: list[int]) -> None:
        self.numbers[ref] = len(self.nodes)
        self.nodes.append([kind, number, data, nodes])

    def number(self, ref: Ref) -> int:
        number = self.numbers.get(ref)
        if number is None:
            raise ValueError(f"{ref!r} was made in the body of a fan_out and is used outside of it; expected body to return it")
        return number

    def value(self, ref: Value) -> None:
        key = id(ref.value), ref.allow_pickle
        known = self.values.get(key)
        if known is None:
            self.add(ref, VALUE, 0, _raw(encode(ref.value, allow_pickle=ref.allow_pickle)), [])
            self.values[key] = self.numbers[ref]
        else:
            self.numbers[ref] = known

    def function(self, ref: Call) -> int:
        module, name = ref.function
        key = module, name, ref.options["pickle"]
        if key not in self.known:
            self.known[key] = len(self.functions)
            timeout = ref.options["timeout"]
            self.functions.append(
                {
                    "module": module,
                    "name": name,
                    "retries": ref.options["retries"],
                    "timeout_ns": 0 if timeout is None else max(1, int(timeout * 1e9)),
                    "pickle": ref.options["pickle"],
                    "cpus": ref.options["cpus"],
                    "memory_bytes": ref.options["memory"],
                }
            )
        return self.known[key]


def _needed(result: Ref) -> set[Ref]:
    """All that a ref needs, itself included. Chains are longer than Python's calls nest."""
    found, ahead = {result}, [result]
    while ahead:
        for ref in ahead.pop().reads():
            if ref not in found:
                found.add(ref)
                ahead.append(ref)
    return found
