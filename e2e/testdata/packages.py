"""Graphs whose tasks need packages, which the service prepares from a folder of wheels. TestPackagesOfPython calls it."""

import base64
import json
import os
import re
import tempfile
import unittest
import zipfile

from dagscope import Client, Environment, TaskError, fan_out, task


@task
def version():
    import packed

    return packed.version


@task
def square(n):
    return n * n


def make_wheel(folder, number):
    """A package whose only module says its version."""
    info = f"packed-{number}.dist-info"
    files = {
        "packed.py": f"version = {number!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: packed\nVersion: {number}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(os.path.join(folder, f"packed-{number}-py3-none-any.whl"), "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


class Packages(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        make_wheel(self.folder, "1.0")
        self.start()

    def start(self):
        self.client = Client(quiet=True)
        self.addCleanup(self.client.close)

    def lock(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def reused(self, run):
        """Whether the packages of a run were there already, by the record of its worker."""
        workers = []
        while not workers:  # the record is complete soon after the end
            _, archive = self.client._service.call("GET", f"/api/v1/runs/{run.id}/archive")
            rows = re.findall(rb'"worker":\d+,"rank":\d+,"data":"([\w+/=]+)"', archive)
            workers = [json.loads(base64.b64decode(row)) for row in rows]
        last = max(workers, key=lambda worker: worker["ended_ns"])
        (packages,) = (p for p in last["preparations"] if p["name"].endswith("requirements.txt"))
        return packages["reused"]

    def test_requirements(self):
        self.lock("more.txt", "packed==1.0\n")
        packages = Environment(self.lock("requirements.txt", "-r more.txt\n"), find_links=self.folder)
        graph = [version(), fan_out([1, 2], square)]
        first = self.client.submit(graph, environment=packages)
        self.assertEqual(first.result(), ["1.0", [1, 4]])
        self.client.close()
        self.start()
        again = self.client.submit(version(), environment=packages)
        self.assertEqual(again.result(), "1.0")
        self.assertEqual((self.reused(first), self.reused(again)), (False, True))
        with self.assertRaisesRegex(TaskError, "No module named 'packed'"):
            self.client.submit(version()).result()

    def test_failures(self):
        wrong = Environment(self.lock("wrong.txt", "packed==3.0\n"), find_links=self.folder)
        with self.assertRaisesRegex(TaskError, "packed==3.0") as caught:
            self.client.submit(version(), environment=wrong).result()
        self.assertEqual(caught.exception.kind, "environment")
        with self.assertRaisesRegex(FileNotFoundError, "expected a file such as requirements.txt"):
            Environment("none.txt")


if __name__ == "__main__":
    unittest.main()
