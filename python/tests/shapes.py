"""Classes that tests send, in a module of their own as they would be."""

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class Node:
    name: str
    below: Optional["Node"] = None
    extra: dict = field(default_factory=dict)

    @dataclass(frozen=True)
    class Key:
        x: int
        y: Any = 0


@dataclass
class Strict:
    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError("negative")


class Plain:
    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain) and self.x == other.x
