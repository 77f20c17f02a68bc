"""Builds the wheel of the package with what every Python has (PEP 517 and 660), so that pip needs no index for it."""

from __future__ import annotations

import base64
import hashlib
import io
import pathlib
import re
import tarfile
import zipfile
from typing import Any, Optional

ROOT = pathlib.Path(__file__).parent.parent
PROJECT = dict(re.findall(r'^(name|version|description|requires-python) = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
STEM = f"{PROJECT['name']}-{PROJECT['version']}"
METADATA = f"""Metadata-Version: 2.1
Name: {PROJECT["name"]}
Version: {PROJECT["version"]}
Summary: {PROJECT["description"]}
Requires-Python: {PROJECT["requires-python"]}
License: Apache-2.0
"""
TAG = "py3-none-any"
WHEEL = f"Wheel-Version: 1.0\nGenerator: dagscope\nRoot-Is-Purelib: true\nTag: {TAG}\n"


def sources() -> list[pathlib.Path]:
    package = ROOT / PROJECT["name"]
    return sorted([*package.glob("*.py"), package / "py.typed"])


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: Optional[str] = None) -> str:
    return _write(wheel_directory, {str(path.relative_to(ROOT).as_posix()): path.read_bytes() for path in sources()})


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: Optional[str] = None) -> str:
    return _write(wheel_directory, {f"{PROJECT['name']}.pth": f"{ROOT}\n".encode()})


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    name = f"{STEM}.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory) / name, "w:gz") as archive:
        for path in [*sources(), ROOT / "pyproject.toml", pathlib.Path(__file__)]:
            archive.add(path, f"{STEM}/{path.relative_to(ROOT).as_posix()}")
        about = tarfile.TarInfo(f"{STEM}/PKG-INFO")
        about.size = len(METADATA)
        archive.addfile(about, io.BytesIO(METADATA.encode()))
    return name


def _write(folder: str, files: dict[str, bytes]) -> str:
    """Writes a wheel with these files, what describes it, and the record of all."""
    name = f"{STEM}-{TAG}.whl"
    files = {**files, f"{STEM}.dist-info/METADATA": METADATA.encode(), f"{STEM}.dist-info/WHEEL": WHEEL.encode()}
    record = f"{STEM}.dist-info/RECORD"
    rows = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in files.items()]
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in {**files, record: "\n".join([*rows, f"{record},,", ""]).encode()}.items():
            archive.writestr(zipfile.ZipInfo(path), content)  # without a time: the same files make the same wheel
    return name


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
