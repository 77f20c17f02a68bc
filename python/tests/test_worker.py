import mmap
import os
import pathlib
import socket
import struct
import subprocess
import sys
import unittest

from dagscope import _worker
from dagscope._decode import decode
from dagscope._encode import encode
from dagscope._payload import Unpacking, pack
from dagscope._segments import create, mapped
from dagscope._values import CBOR, Array, Malformed

ROOT = pathlib.Path(__file__).parent.parent
BOOT = "import sys; sys.path.insert(0, sys.argv.pop()); from dagscope._worker import main; main()"


class Interpreter:
    """The other side of a worker, as a pool has it."""

    def __init__(self):
        pipes = [os.pipe() for _ in range(4)]
        self.passing, theirs = socket.socketpair()
        far = [pipes[0][0], pipes[1][1], pipes[2][1], pipes[3][1], theirs.fileno()]
        self.requests, self.replies, self.stdout, self.stderr = pipes[0][1], *(pipe[0] for pipe in pipes[1:])

        def place():
            high = [os.dup2(descriptor, 100 + i) for i, descriptor in enumerate(far)]
            for i, descriptor in enumerate(high):
                os.dup2(descriptor, 3 + i)

        self.process = subprocess.Popen(
            [sys.executable, "-c", BOOT, str(ROOT)], preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for descriptor in far[:4]:
            os.close(descriptor)
        theirs.close()

    def send(self, rest):
        self.send_raw(struct.pack("<I", len(rest)) + rest)

    def send_raw(self, raw):
        os.write(self.requests, raw)

    def receive(self):
        frame = os.read(self.replies, 1 << 17)
        while frame and len(frame) < 4 + struct.unpack_from("<I", frame)[0]:
            frame += os.read(self.replies, 1 << 17)
        return frame[4:]

    def set_up(self, version=1):
        self.send(b"\1" + encode({"version": version, "path": [], "preimport": []}).join())
        reply = self.receive()
        assert reply[0] == _worker.HELLO
        return decode(CBOR, reply[1:])

    def call(self, name, *values, flags=0):
        packed = pack([encode(value) for value in values])
        payload = packed.inline[: 8 * len(values)] + bytes(8) + packed.inline[8 * len(values) :]  # an entry of no template
        return self.exchange(name, len(values) + 1, payload, flags)

    def call_by_template(self, name, template):
        packed = pack([encode(template)])
        return self.exchange(name, 1, packed.inline)

    def exchange(self, name, entries, payload, flags=0):
        self.send(_worker.REQUEST.pack(2, flags, len(name), entries, 0, len(payload)) + name.encode() + payload)
        reply = self.receive()
        kind, *_, count, _, _ = _worker.REPLY.unpack_from(reply)
        unpacking = Unpacking(reply[_worker.REPLY.size :], count, iter(()), False)
        return kind, [unpacking.value(entry) for entry in unpacking.entries]

    def end(self):
        os.close(self.requests)
        code = self.process.wait()
        said = os.read(self.stderr, 1 << 16).decode()
        for descriptor in (self.replies, self.stdout, self.stderr):
            os.close(descriptor)
        self.passing.close()
        return code, said


class Worker(unittest.TestCase):
    def test_calls(self):
        i = Interpreter()
        self.assertEqual(i.set_up()["version"], 1)
        self.assertEqual(i.call("operator:add", [1], [2]), (_worker.RETURNED, [[1, 2]]))
        self.assertEqual(i.call("builtins:range", 3, flags=_worker.SPLIT), (_worker.RETURNED, [0, 1, 2]))
        kind, [(reason, name, text, shown)] = i.call("operator:truediv", 1, 0)
        self.assertEqual((kind, reason, name, text), (_worker.FAILED, "raised", "ZeroDivisionError", "division by zero"))
        self.assertEqual(i.end(), (0, ""))

    def test_templates(self):
        i = Interpreter()
        i.set_up()
        self.assertEqual(i.call_by_template("builtins:dict", [[[(1, 2)]], {"k": 3}]), (_worker.RETURNED, [{1: 2, "k": 3}]))
        for template in (None, [], [[], {}, 1], [{}, []], [(), {}]):
            kind, [(reason, _, text, _)] = i.call_by_template("builtins:dict", template)
            self.assertEqual((kind, reason), (_worker.FAILED, "malformed"), template)
            self.assertIn("template", text)
        kind, [(reason, name, _, _)] = i.call_by_template("builtins:dict", [[], {1: 2}])
        self.assertEqual((kind, reason, name), (_worker.FAILED, "raised", "TypeError"))
        kind, [(reason, _, _, _)] = i.exchange("builtins:dict", 0, b"")
        self.assertEqual((kind, reason), (_worker.FAILED, "malformed"))
        self.assertEqual(i.end(), (0, ""))

    def test_another_version_is_answered(self):
        i = Interpreter()
        self.assertEqual(i.set_up(version=2)["version"], 1)
        self.assertEqual(i.end()[0], 0)

    def test_malformed_requests_end_it(self):
        head = _worker.REQUEST
        for what, raw, text in (
            ("a frame that is too large", struct.pack("<I", 1 << 20), "expected at most"),
            ("two frames", struct.pack("<IBIB", 1, 1, 1, 1), "where a frame has"),
            ("another kind", struct.pack("<IB", 1, 9), "no call"),
            ("a short call", struct.pack("<IB", 1, 2), "no call"),
            ("another payload", struct.pack("<I", head.size) + head.pack(2, 0, 0, 0, 0, 7), "payload of 0 bytes"),
            ("a segment that is missing", struct.pack("<I", head.size) + head.pack(2, 2, 0, 0, 0, 7), "payload of 0 bytes"),
        ):
            i = Interpreter()
            i.set_up()
            i.send_raw(raw)
            code, said = i.end()
            self.assertEqual(code, 1, what)
            self.assertRegex(said, f"^dagscope: .*{text}", what)

    def test_half_a_request(self):
        i = Interpreter()
        i.send_raw(b"\1\0\0")
        self.assertEqual(i.end(), (1, "dagscope: the requests end within a frame, so this interpreter ends\n"))

    def test_payloads(self):
        values = [1, "x" * 70000, Array("<i8", (2,), bytes(16)), [Array("|u1", (1 << 17,), bytes(1 << 17))], None]
        for some in (values[:1], values[2:3], values, values * 100):
            packed = pack([encode(value) for value in some])
            segments = [mapped(descriptor) for descriptor in packed.descriptors]
            packed.close()
            data = packed.inline if packed.inline is not None else segments.pop()
            unpacking = Unpacking(data, len(some), iter(segments), False)
            got = [unpacking.value(entry) for entry in unpacking.entries]
            unpacking.end()
            self.assertEqual(str(got), str([decode(encode(v).codec, encode(v).join()) for v in some]))
        with self.assertRaises(Malformed):
            Unpacking(b"", 1, iter(()), False)

    def test_a_segment_cannot_be_changed(self):
        if not hasattr(os, "memfd_create"):
            self.skipTest("only Linux has seals")
        descriptor = create([b"ab", memoryview(b"cd")])
        try:
            view = mapped(descriptor)
            self.assertEqual(view, b"abcd")
            view[0] = 0  # a copy of its own
            self.assertEqual(mapped(descriptor), b"abcd")
            with self.assertRaises(PermissionError):
                os.write(descriptor, b"x")
            with self.assertRaises(PermissionError):
                os.ftruncate(descriptor, 0)
            with self.assertRaises(PermissionError):
                mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    unittest.main()
