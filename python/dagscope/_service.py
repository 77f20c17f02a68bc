"""A service over HTTP: one that is there, or one that is started."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from typing import Any, Optional

STARTS_WITHIN = 30.0  # seconds
ANSWERS_WITHIN = 120.0  # seconds, more than it takes to answer that a run has not ended


class Refused(Exception):
    """A request that the service refused. status is the number of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Service:
    """Requests to a service, over one connection."""

    def __init__(self, url: str, key: str, process: Optional["subprocess.Popen[str]"] = None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url is {url!r}, expected one such as http://127.0.0.1:8080/")
        self.url, self._key, self._process = url.rstrip("/") + "/", key, process
        self._base = parts.path.rstrip("/")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=ANSWERS_WITHIN)
        if process is not None:
            atexit.register(self.close)

    def page(self, path: str) -> str:
        """The address of a path that the service names, which begins with its base."""
        return self._origin + path

    def has(self, path: str) -> bool:
        try:
            self.call("HEAD", path)
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def json(self, method: str, path: str, body: Optional[bytes] = None, kind: str = "") -> Any:
        return json.loads(self.call(method, path, body, kind)[1])

    def call(self, method: str, path: str, body: Optional[bytes] = None, kind: str = "") -> tuple[http.client.HTTPMessage, bytearray]:
        """Headers and body of the answer. Raises Refused, and ConnectionError if there is none."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        if kind:
            headers["Content-Type"] = kind
        try:
            answer = self._ask(method, self._base + path, body, headers)
            data = _read(answer)
        except (http.client.HTTPException, OSError) as failure:
            self._connection.close()
            raise ConnectionError(f"the service at {self.url} does not answer: {failure!r}") from failure
        if answer.status >= 300:
            raise Refused(_detail(method, path, answer, data), answer.status)
        return answer.headers, data

    def _ask(self, method: str, path: str, body: Optional[bytes], headers: dict[str, str]) -> http.client.HTTPResponse:
        """Asks again if the connection was closed while it was idle, which is seen before there is an answer. A submission
        is not repeated: it may have begun."""
        idle = self._connection.sock is not None
        if idle and method == "POST":
            self._connection.close()  # a new one is not closed by the other side
            idle = False
        try:
            self._connection.request(method, path, body, headers)
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not idle:
                raise
            self._connection.close()
            self._connection.request(method, path, body, headers)
            return self._connection.getresponse()

    def close(self) -> None:
        """Ends the service if it was started here, and waits for it."""
        self._connection.close()
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.close)
            process.send_signal(signal.SIGTERM)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _read(answer: http.client.HTTPResponse) -> bytearray:
    """The body, into memory that arrays can lie in."""
    if answer.length is None:
        return bytearray(answer.read())
    data = bytearray(answer.length)
    view, at = memoryview(data), 0
    while at < len(view):
        n = answer.readinto(view[at:])
        if not n:
            raise http.client.IncompleteRead(bytes(view[:0]), len(view) - at)
        at += n
    answer.read()  # to its end, so that the connection can be used again
    return data


def _detail(method: str, path: str, answer: http.client.HTTPResponse, data: bytearray) -> str:
    try:
        detail = json.loads(data)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.reason
    return f"{method} {path}: {answer.status}: {detail}"


def find(data: pathlib.Path) -> Service:
    """The service on a data folder, which is started if there is none."""
    for file in sorted((data / "processes").glob("*.json")):
        service = _running(file)
        if service is not None:
            return service
    return _start(data)


def _running(file: pathlib.Path) -> Optional[Service]:
    """The service that a file of the folder tells of, if it is one that answers."""
    try:
        at = json.loads(file.read_text())
        if not at.get("url"):
            return None
        service = Service(at["url"], at["key"])
        service.call("GET", "/healthz")
    except (OSError, ValueError, KeyError, Refused):
        return None  # the process has ended meanwhile, or was killed
    return service


def _path() -> str:
    """The path with the folder of this interpreter before all others, so that tasks have the packages of this program."""
    return os.pathsep.join(filter(None, (os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath))))


def _start(data: pathlib.Path) -> Service:
    program = os.environ.get("DAGSCOPE_BIN") or shutil.which("dagscope")
    if program is None:
        raise FileNotFoundError("there is no program dagscope on the path, expected it there, or its file in DAGSCOPE_BIN")
    process = subprocess.Popen(
        [program, "serve", "--data", str(data), "--addr", "127.0.0.1:0", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PATH": _path()},
        start_new_session=True,  # an interrupt from the keyboard is for this program, which ends the service
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    until = time.monotonic() + STARTS_WITHIN
    while line and process.poll() is None and time.monotonic() < until:
        for file in (data / "processes").glob(f"{process.pid}-*.json"):
            service = _running(file)
            if service is not None:
                service.close()
                return Service(service.url, service._key, process)
        time.sleep(0.01)  # it writes its file when it has opened its records
    process.kill()
    process.wait()
    process.stdout.close()
    raise RuntimeError(f"{program} serve --data {data} did not start, expected it to listen; call it to see why")
