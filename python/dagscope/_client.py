"""Submits graphs to a service and fetches what their runs return."""

from __future__ import annotations

import os
import pathlib
import struct
import sys
import time
from typing import Any, Iterable, Iterator, Optional, Sequence, Union

from . import _progress
from ._decode import decode
from ._encode import module_name
from ._environment import Environment, as_environment
from ._graph import Ref, describe
from ._project import Project, main_folder
from ._service import Refused, Service, find
from ._task import as_ref

__all__ = ["Client", "Environment", "Refused", "Run", "TaskError", "as_completed"]

FINAL = ("succeeded", "failed", "cancelled", "interrupted")
WAIT = 20.0  # seconds that the service may take to answer that a run has not ended

_LENGTH = struct.Struct("<Q")


class TaskError(Exception):
    """A run that did not succeed. traceback is that of the task's own exception, "" if it raised none."""

    def __init__(self, message: str, *, run: str = "", task: str = "", kind: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.run, self.task, self.kind, self.traceback = run, task, kind, traceback

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}\n\n{self.traceback}" if self.traceback else text


class Client:
    """A service that executes graphs.

    Client() uses the service on the data folder ./dagscope-data, or the one that data names, and starts one that lives as
    long as this program if there is none: the program dagscope is found by the variable DAGSCOPE_BIN, or on the path.
    Client(url, token=…) uses another service, which accepts code with that token.

    project is the folder whose Python files the tasks can import, by default that of the program; files are patterns of
    further ones in it, such as "data/*.csv". They are read once, when something is first submitted. environment has the
    packages of tasks: an Environment, or its path, such as "requirements.txt". quiet leaves out the
    addresses of runs and, on a terminal, their progress. allow_pickle opens pickles in results, which executes what is
    in them. Not safe for use by several threads.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        token: Optional[str] = None,
        data: Union[str, "os.PathLike[str]", None] = None,
        project: Union[str, "os.PathLike[str]", None] = None,
        files: Sequence[str] = (),
        environment: Union[None, str, "os.PathLike[str]", Environment] = None,
        quiet: bool = False,
        allow_pickle: bool = False,
    ) -> None:
        if url is not None and data is not None:
            raise ValueError("url and data are both given, expected one of them: a service knows its data")
        if url is None and token is not None:
            raise ValueError("token is given without url, expected both: the key of a local service is in its data folder")
        self._project = Project(pathlib.Path(project) if project is not None else main_folder(), files)
        self._environment = as_environment(environment)
        self._service = Service(url, token or "") if url is not None else find(pathlib.Path(data or "dagscope-data"))
        # Classes of the program come back under the name of its file, and have to be those that it has.
        sys.modules.setdefault(module_name("__main__"), sys.modules["__main__"])
        self._archive: Optional[str] = None  # the hash of the project's files once the service has them
        self.quiet, self.allow_pickle = quiet, allow_pickle

    @property
    def url(self) -> str:
        """The address of the service's pages."""
        return self._service.url

    def submit(
        self, what: Any, name: Optional[str] = None, *, environment: Union[None, str, "os.PathLike[str]", Environment] = None
    ) -> Run:
        """Runs the graph that a ref, or a value with refs in it, needs. name is what runs are listed under, by default the
        name of the program; environment takes the place of the client's."""
        result, name, needed = as_ref(what), name or _program(), as_environment(environment) or self._environment
        try:
            answer = self._post(result, name, needed)
        except Refused as refused:
            if refused.status != 404 or not self._archive:
                raise
            self._archive = None  # it has left for those of others
            answer = self._post(result, name, needed)
        run = Run(self, answer["run"], self._service.page(answer["page"]))
        if not self.quiet:
            print(f"dagscope: {run.url}", file=sys.stderr)
        return run

    def _post(self, result: Ref, name: str, environment: Optional[Environment]) -> Any:
        description = describe(result, name, self._send_project(), environment and environment.spec)
        return self._service.json("POST", "/api/v1/code/runs", description, "application/cbor")

    def _send_project(self) -> str:
        if self._archive is None:
            digest, archive = self._project.pack()
            path = f"/api/v1/code/bundles/{digest}"
            if digest and not self._service.has(path):
                self._service.call("PUT", path, archive, "application/zip")
            self._archive = digest
        return self._archive

    def close(self) -> None:
        """Ends the service, if this client started it; runs that are active there are cancelled."""
        self._service.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Run:
    """A graph that was submitted. id names it, url is the address of its page."""

    def __init__(self, client: Client, id: str, url: str) -> None:
        self.id, self.url = id, url
        self._client = client
        self._state: dict[str, Any] = {"status": "pending"}
        self._value: Any = _MISSING

    def __repr__(self) -> str:
        return f"<run {self.id}: {self._state['status']}>"

    @property
    def status(self) -> str:
        """pending, running, paused, succeeded, failed, cancelled or interrupted."""
        return str(self._look(0)["status"])

    def done(self) -> bool:
        """Whether the run has ended."""
        return self.status in FINAL

    def result(self, timeout: Optional[float] = None) -> Any:
        """Waits for the run and returns its value. Raises TaskError if it did not succeed, and TimeoutError after timeout
        seconds, which leaves it running."""
        if self._value is _MISSING:
            self._wait(timeout)
            self._value = self._fetch()
        return self._value

    def cancel(self) -> None:
        """Ends the run; its result raises TaskError then."""
        if not self.done():
            try:
                self._client._service.call("POST", f"/api/v1/runs/{self.id}/cancel")
            except Refused as refused:
                if refused.status != 409:  # it has ended in the meantime
                    raise

    def _look(self, wait: float) -> dict[str, Any]:
        """What is known of the run, after its end or wait seconds."""
        if self._state["status"] not in FINAL:
            self._state = self._client._service.json("GET", f"/api/v1/code/runs/{self.id}?wait={wait:.3f}")
        return self._state

    def _wait(self, timeout: Optional[float]) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        with _progress.bar(self._client.quiet) as bar:
            while self._look(_within(bar.every or WAIT, until))["status"] not in FINAL:
                bar.show(self._state)
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError(f"run {self.id} has not ended within {timeout} seconds; it continues")

    def _fetch(self) -> Any:
        if self._state["status"] != "succeeded":
            raise self._failure()
        headers, body = self._client._service.call("GET", f"/api/v1/code/runs/{self.id}/result")
        parts = list(_values(body, self._client.allow_pickle))
        return parts if headers.get("Dagscope-Result") == "list" else parts[0]

    def _failure(self) -> TaskError:
        error = self._state.get("error") or {}
        task = error.get("name") or error.get("task") or ""
        what = f"{task}: {error['message']}" if task else error.get("message", "")
        return TaskError(
            f"run {self.id} is {self._state['status']}" + (f": {what}" if what else ""),
            run=self.id,
            task=task,
            kind=error.get("kind", ""),
            traceback=error.get("stack", ""),
        )


_MISSING = object()


def as_completed(runs: Iterable[Run], timeout: Optional[float] = None) -> Iterator[Run]:
    """Yields each run when it has ended, whether it succeeded or not. Raises TimeoutError after timeout seconds."""
    until = None if timeout is None else time.monotonic() + timeout
    active = list(runs)
    while active:
        for run in list(active):
            if run._look(_within(0.2 / len(active), until))["status"] in FINAL:
                active.remove(run)
                yield run
        if active and until is not None and time.monotonic() >= until:
            raise TimeoutError(f"{len(active)} runs have not ended within {timeout} seconds; they continue")


def _within(seconds: float, until: Optional[float]) -> float:
    return seconds if until is None else max(0.0, min(seconds, until - time.monotonic()))


def _values(body: bytearray, allow_pickle: bool) -> Iterator[Any]:
    """The values of a result. Arrays of a single one lie in what was received."""
    view, at = memoryview(body), 0
    while at < len(view):
        (size,) = _LENGTH.unpack_from(view, at)
        codec, at = view[at + _LENGTH.size], at + _LENGTH.size + size
        yield decode(codec, bytearray(view[at - size + 1 : at]), allow_pickle=allow_pickle, writable=True)


def _program() -> str:
    main = pathlib.Path(sys.argv[0] if sys.argv else "").stem
    return main[:100] if main.isprintable() and main not in ("", "-c", "-m") else "python"
