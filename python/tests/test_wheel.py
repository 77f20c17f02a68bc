import base64
import hashlib
import importlib.util
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).parent.parent


def backend():
    spec = importlib.util.spec_from_file_location("wheels", ROOT / "backend" / "wheels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Wheels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_the_record_has_every_file(self):
        path = self.folder / backend().build_wheel(str(self.folder))
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            self.assertIn("dagscope/_worker.py", names)
            rows = [row.split(",") for row in wheel.read(names[-1]).decode().splitlines()]
            self.assertEqual([name for name, _, _ in rows], names)
            for name, digest, size in rows[:-1]:
                content = wheel.read(name)
                self.assertEqual(int(size), len(content))
                self.assertEqual(digest, "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("="))
        self.assertEqual(self.imported(path), f"{path}/dagscope/__init__.py")

    def test_a_source_archive_has_what_builds_a_wheel(self):
        path = self.folder / backend().build_sdist(str(self.folder))
        with tarfile.open(path) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        self.assertLessEqual({"dagscope/_worker.py", "dagscope/py.typed", "pyproject.toml", "backend/wheels.py", "PKG-INFO"}, names)

    @unittest.skipIf(importlib.util.find_spec("pip") is None, "pip is not installed")
    def test_pip_installs_it_without_an_index(self):
        into = self.folder / "into"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-cache-dir", "--target", str(into), str(ROOT)]
        subprocess.run(command, check=True, capture_output=True)
        self.assertEqual(self.imported(into), f"{into}/dagscope/__init__.py")

    def imported(self, path):
        """Where dagscope is imported from if there is nothing but a path."""
        program = f"import sys; sys.path.insert(0, {str(path)!r}); import dagscope._worker; print(dagscope.__file__)"
        return subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True, cwd="/").stdout.strip()


if __name__ == "__main__":
    unittest.main()
