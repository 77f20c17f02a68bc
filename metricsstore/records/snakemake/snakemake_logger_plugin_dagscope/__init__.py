"""Reports a run of Snakemake to dagscope while it happens, or writes what happens to a file that dagscope imports.

Copy this file anywhere, under this name.

    Snakemake 9:        PYTHONPATH=FOLDER snakemake --logger dagscope ...
    Snakemake 7 and 8:  snakemake --log-handler-script FOLDER/snakemake_logger_plugin_dagscope.py ...

What it does is said by the environment:

    DAGSCOPE_URL    where dagscope serves, http://127.0.0.1:8080 by default
    DAGSCOPE_TOKEN  its token, if it requires one
    DAGSCOPE_FILE   a file to append to, instead of reporting to a server: dagscope import --watch FILE

It needs nothing but Python's own library, never delays a job, and never fails a run: what cannot be sent is sent again
for a while, then counted and said on standard error. MESSAGES.md has the form of the messages.
"""

import atexit
import http.client
import json
import os
import platform
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

MOST_WAITING = 100_000  # messages
MOST_AT_ONCE = 1 << 20  # bytes of a request
LONGEST_WAIT = 15.0  # seconds for the rest to be sent, once the run is over


class Feed:
    """Numbers messages and passes them on in a thread of its own."""

    def __init__(self):
        self.run = uuid.uuid4().hex
        self.path = os.environ.get("DAGSCOPE_FILE")
        self.url = os.environ.get("DAGSCOPE_URL", "http://127.0.0.1:8080").rstrip("/") + "/feeds/snakemake"
        self.waiting = queue.Queue(MOST_WAITING)
        self.lock = threading.Lock()
        self.number = 0
        self.arrived = 0
        self.failed = False
        self.reason = "too many were waiting"
        self.deadline = None  # by time.monotonic, once the run is over
        self.thread = threading.Thread(target=self.work, name="dagscope", daemon=True)
        self.thread.start()

    def add(self, event, at, **fields):
        """Adds a message about an event at a moment in seconds since 1970."""
        with self.lock:
            head = {"dagscope": "snakemake", "run": self.run, "seq": self.number, "time": at, "event": event}
            self.number += 1
        line = json.dumps({**head, **{k: v for k, v in fields.items() if v not in (None, "", [], {})}}, default=str)
        try:
            self.waiting.put_nowait(line.encode() + b"\n")
        except queue.Full:
            pass  # it is one of those that have not arrived

    def close(self):
        """Waits until all messages are sent, but not for long."""
        self.deadline = time.monotonic() + LONGEST_WAIT
        try:
            self.waiting.put(None, timeout=LONGEST_WAIT)
        except queue.Full:
            pass
        self.thread.join(max(self.deadline - time.monotonic(), 1))
        if self.arrived < self.number:
            say(f"{self.number - self.arrived} of {self.number} messages about this run were lost: {self.reason}")

    def work(self):
        ended = False
        while not ended:
            batch, size = [self.waiting.get()], 0
            while batch[-1] is not None and size < MOST_AT_ONCE and not self.waiting.empty():
                size += len(batch[-1])
                batch.append(self.waiting.get())
            ended = batch[-1] is None
            lines = batch[:-1] if ended else batch
            if lines and self.deliver(b"".join(lines)):
                self.arrived += len(lines)

    def deliver(self, text):
        """Returns whether the messages have arrived. It tries again what may succeed later."""
        pause = 0.25
        while True:
            again = True
            try:
                if self.path:
                    with open(self.path, "ab") as out:
                        out.write(text)
                else:
                    self.post(text)
                return True
            except urllib.error.HTTPError as e:
                self.reason = f"{self.url} answered {e.code} {e.read(500).decode(errors='replace')}"
                again = e.code in (429, 502, 503, 504)
            except (OSError, http.client.HTTPException) as e:
                self.reason = f"{self.path or self.url}: {e}"
            if not self.failed:
                self.failed = True
                say(self.reason)
            if not again or self.deadline is not None and time.monotonic() + pause > self.deadline:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 5)

    def post(self, text):
        request = urllib.request.Request(self.url, data=text, headers={"Content-Type": "application/x-ndjson"})
        if token := os.environ.get("DAGSCOPE_TOKEN"):
            request.add_header("Authorization", "Bearer " + token.strip())
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


class Listener:
    """Makes messages of what Snakemake reports, in the words of versions 7 to 9."""

    def __init__(self):
        self.feed = None
        self.group = None  # announced last
        self.job = None  # announced last, if nothing came since
        self.lock = threading.Lock()

    def hear(self, kind, said, text, at):
        """Hears of an event. said is what Snakemake says about it, text the message that people read."""
        with self.lock:
            if self.feed is None:
                self.feed = Feed()
                self.feed.add(
                    "started", at, version=version(), command=" ".join(sys.argv), host=platform.node(), directory=os.getcwd()
                )
            job, self.job = self.job, None
            if kind == "job_info":
                self.job = str(said["jobid"])
                self.announce(said, at)
            elif kind == "shellcmd":
                if job is not None:
                    self.feed.add("command", at, jobid=job, text=said.get("shellcmd") or said.get("cmd") or text)
            elif kind == "job_finished":
                self.feed.add("finished", at, jobid=str(said["job_id"] if "job_id" in said else said["jobid"]))
            elif kind == "job_error":
                self.fail(said, at)
            elif kind == "group_info":
                self.group = str(said["group_id"] if "group_id" in said else said["groupid"])
            elif kind == "group_error":
                for info in said.get("job_error_info") or []:
                    self.fail(info, at, said.get("groupid"))
            elif kind == "progress":
                self.feed.add("progress", at, done=said["done"], total=said["total"])
            elif kind == "workflow_started":
                self.feed.add("workflow", at, snakefile=str(said["snakefile_main"]))
            elif kind in ("info", "warning", "error", "run_info", "resources_info") and text:
                self.feed.add("text", at, text=text[:100_000])

    def announce(self, said, at):
        resources = {k: v if isinstance(v, (int, float)) else str(v) for k, v in said["resources"].items() if not k.startswith("_")}
        self.feed.add(
            "job", at, jobid=self.job, rule=rule(said), message=message(said), local=said.get("local") or None,
            input=list(map(str, said["input"])), output=list(map(str, said["output"])), log=list(map(str, said["log"])),
            benchmark=said.get("benchmark"), wildcards={k: str(v) for k, v in said["wildcards"].items()}, reason=said.get("reason"),
            priority=said.get("priority") or None, threads=said.get("threads"), resources=resources, command=said.get("shellcmd"),
            group=self.group if said.get("indent") else None,
        )  # fmt: skip

    def fail(self, said, at, group=None):
        self.feed.add(
            "failed", at, jobid=str(said["jobid"]), rule=rule(said), message=message(said), group=group, log=list(map(str, said["log"])),
            command=said.get("shellcmd"), facts={k: str(v) for k, v in (said.get("aux") or {}).items()},
        )  # fmt: skip

    def close(self):
        with self.lock:
            feed, self.feed = self.feed, None
            if feed is not None:
                feed.add("ended", time.time())
                feed.close()


def say(text):
    print("dagscope: " + text, file=sys.stderr)


def rule(said):
    return said["rule_name"] if "rule_name" in said else said["name"]


def message(said):
    return said["rule_msg"] if "rule_msg" in said else said.get("msg")


def version():
    return getattr(sys.modules.get("snakemake"), "__version__", None) or getattr(sys.modules.get("snakemake.common"), "__version__", None)


listener = Listener()
atexit.register(listener.close)


def log_handler(msg):
    """Is called by Snakemake 7 and 8 for each event."""
    listener.hear(msg["level"], msg, str(msg.get("msg") or ""), time.time())


try:
    from dataclasses import dataclass

    from snakemake_interface_logger_plugins.base import LogHandlerBase
    from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase
except ImportError:  # Snakemake 7 and 8
    pass
else:

    @dataclass
    class LogHandlerSettings(LogHandlerSettingsBase):
        """There are none but those of the environment."""

    class LogHandler(LogHandlerBase):
        """Is called by Snakemake 9 for each event, in a thread of its own."""

        writes_to_stream = False
        writes_to_file = False
        has_filter = True  # none, so that --quiet hides nothing here
        has_formatter = True
        needs_rulegraph = False

        def emit(self, record):
            kind = getattr(record, "event", None)
            kind = record.levelname.lower() if kind is None else str(kind)
            try:
                listener.hear(kind, record.__dict__, record.getMessage(), record.created)
            except Exception:
                self.handleError(record)

        def close(self):
            listener.close()
            super().close()
