"""Environments of packages that tasks need, described for the service, which has each prepared ahead of run time."""

from __future__ import annotations

import os
import pathlib
import re
from typing import Any, Optional, Union

REQUIREMENTS, PROJECT, LOCK = "requirements.txt", "pyproject.toml", "uv.lock"

_INCLUDES = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)", re.MULTILINE)


class Environment:
    """Packages for the interpreters of tasks, which are installed once by each machine before it executes a first task.

    path is a file of requirements, next to which are those that it includes, or a pyproject.toml, with uv.lock next to it
    or not, or a folder with one of the two; both are read here and sent. A folder with neither is an environment that
    exists, a virtual one for example: workers find it under that path. python is the version wanted, such as ">=3.10", or
    the path of an interpreter; by default the python3 of the worker. find_links is a folder of wheels, which workers find
    under that path; nothing is downloaded then.
    """

    def __init__(self, path: Union[str, "os.PathLike[str]"], *, python: str = "", find_links: Union[str, "os.PathLike[str]"] = "") -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"environment is {path!r}, expected the path of a file such as {REQUIREMENTS}, or of a folder")
        at = pathlib.Path(path)
        if not at.exists():
            raise FileNotFoundError(f"environment is {at}, expected a file such as {REQUIREMENTS}, or a folder")
        self.spec: dict[str, Any] = {"name": str(path), **_described(at)}
        if python:
            self.spec["python"] = python
        if os.fspath(find_links):
            self.spec["find_links"] = os.path.abspath(find_links)


def as_environment(given: Union[None, str, "os.PathLike[str]", Environment]) -> Optional[Environment]:
    return given if given is None or isinstance(given, Environment) else Environment(given)


def _described(at: pathlib.Path) -> dict[str, Any]:
    """What kind an environment is of, and its files."""
    if at.is_dir():
        found = [name for name in (REQUIREMENTS, PROJECT) if (at / name).exists()]
        if len(found) > 1:
            raise ValueError(f"environment is {at}, which has {' and '.join(found)}, expected one of them to be named")
        if not found:
            return {"kind": "folder", "folder": os.path.abspath(at)}
        at = at / found[0]
    if at.name in (PROJECT, LOCK):
        names = [name for name in (PROJECT, LOCK) if name == PROJECT or (at.parent / name).exists()]
        return {"kind": "python-project", "files": {name: (at.parent / name).read_bytes() for name in names}}
    files: dict[str, bytes] = {}
    _add_requirements(files, at, REQUIREMENTS)
    return {"kind": "python-requirements", "files": files}


def _add_requirements(files: dict[str, bytes], at: pathlib.Path, name: str) -> None:
    """Adds a file of requirements, and those that it includes, each once."""
    files[name] = at.read_bytes()
    for other in _INCLUDES.findall(files[name].decode(errors="replace")):
        if other == at.name or other in files:
            continue
        if other != os.path.basename(other):
            raise ValueError(f"{at} includes {other}, expected a file next to it")
        _add_requirements(files, at.parent / other, other)
