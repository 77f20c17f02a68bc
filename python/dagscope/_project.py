"""The files that tasks need: those of the program's folder, packed so that equal files give equal bytes."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import stat
import sys
import zipfile
from typing import Any, Optional, Sequence

# What tools keep next to sources, and environments: engine/pipeline leaves out the same.
SKIPPED = {"__pycache__", "node_modules", "venv", "env", "dagscope-data"}

MAX_FILES = 10_000
MAX_BYTES = 64 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that the format has


def main_folder() -> Optional[pathlib.Path]:
    """The folder of the program, or the one that a module which was started by its name is imported from."""
    main: Any = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None:
        return None
    folder = pathlib.Path(path).resolve().parent
    spec = getattr(main, "__spec__", None)
    for _ in range(0 if spec is None else spec.name.count(".")):
        folder = folder.parent
    return folder


class Project:
    """The files of a folder: all of Python, and those that patterns match. Without a folder there are none."""

    def __init__(self, folder: Optional[pathlib.Path], patterns: Sequence[str]) -> None:
        if folder is None and patterns:
            raise ValueError("files are given without a project, expected its folder too: this session has no file")
        if folder is not None and not folder.is_dir():
            raise ValueError(f"project is {folder}, expected a folder")
        if isinstance(patterns, str):
            raise TypeError(f"files is the text {patterns!r}, expected a list of patterns")
        self.folder, self.patterns = folder, patterns

    def pack(self) -> tuple[str, bytes]:
        """The hash of the archive, and the archive; "" for no files."""
        if self.folder is None:
            return "", b""
        packed, size = io.BytesIO(), 0
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in self.paths():
                data = (self.folder / path).read_bytes()
                size += len(data)
                if size > MAX_BYTES:
                    raise ValueError(f"the files of {self.folder} exceed {MAX_BYTES >> 20} MiB, expected a smaller project folder: Client(project=…)")
                archive.writestr(_entry(path, (self.folder / path).stat().st_mode), data)
        raw = packed.getvalue()
        return hashlib.sha256(raw).hexdigest(), raw

    def paths(self) -> list[str]:
        """Paths below the folder with slashes, sorted."""
        assert self.folder is not None
        found = set()
        for folder, below, names in os.walk(self.folder):
            below[:] = [name for name in below if not _is_skipped(name)]
            here = pathlib.Path(folder).relative_to(self.folder)
            found.update((here / name).as_posix() for name in names if name.endswith(".py") and not _is_skipped(name))
            if len(found) > MAX_FILES:
                raise ValueError(f"{self.folder} has more than {MAX_FILES:,} files of Python, expected a project folder: Client(project=…)")
        for pattern in self.patterns:
            matched = [path for path in self.folder.glob(pattern) if path.is_file()]
            if not matched:
                raise ValueError(f"files has {pattern!r}, which no file in {self.folder} matches")
            for path in matched:
                if not path.resolve().is_relative_to(self.folder.resolve()):
                    raise ValueError(f"files has {pattern!r}, which matches {path}, expected files below {self.folder}")
                found.add(path.relative_to(self.folder).as_posix())
        return sorted(found)


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in SKIPPED


def _entry(path: str, mode: int) -> zipfile.ZipInfo:
    """The head of a file without its time, and with no more of its mode than whether it can be executed."""
    entry = zipfile.ZipInfo(path, EPOCH)
    entry.create_system = 3  # Unix, on which modes are
    entry.external_attr = (stat.S_IFREG | 0o644 | mode & 0o111) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
