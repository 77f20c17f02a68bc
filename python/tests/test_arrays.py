import random
import struct
import unittest

from dagscope._decode import decode, numpy
from dagscope._encode import encode
from dagscope._values import ARRAY, CBOR, Array, Malformed, Unsendable

from . import shapes
from .test_values import there_and_back

with_numpy = unittest.skipIf(numpy() is None, "numpy is not installed")
without_numpy = unittest.skipIf(numpy() is not None, "numpy is installed")


class Arrays(unittest.TestCase):
    def test_lists(self):
        self.assertEqual(Array("<i4", (2, 3), struct.pack("<6i", *range(6))).tolist(), [[0, 1, 2], [3, 4, 5]])
        self.assertEqual(Array("<i2", (2, 1, 2), struct.pack("<4h", *range(4))).tolist(), [[[0, 1]], [[2, 3]]])
        self.assertEqual(Array("<f8", (), struct.pack("<d", 2.5)).tolist(), 2.5)
        self.assertEqual(Array("|b1", (0, 3), b"").tolist(), [])
        self.assertEqual(Array("|b1", (2, 0), b"").tolist(), [[], []])
        self.assertEqual(Array("|b1", (2, 1, 0, 3), b"").tolist(), [[[]], [[]]])
        with self.assertRaises(ValueError):
            Array("<i4", (2, 3), b"short")
        with self.assertRaises(TypeError):
            Array("<c16", (1,), bytes(16)).tolist()

    def test_buffers_are_aligned(self):
        seed = random.randrange(1 << 32)
        r = random.Random(seed)
        arrays = [Array("|u1", (n,), r.randbytes(n)) for n in (0, 1, 63, 64, 65, 200)]
        e = encode(arrays)
        self.assertEqual(e.codec, ARRAY)
        at, found = 0, 0
        for part in e.parts:
            if isinstance(part, memoryview):
                self.assertEqual(at % 64, 0, f"seed {seed}")
                found += 1
            at += len(part)
        self.assertEqual((at, found), (e.size, len(arrays)))

    @without_numpy
    def test_arrays_are_passed_on_without_numpy(self):
        a = Array("<c16", (2,), bytes(range(32)))
        self.assertEqual(there_and_back({"k": [a, 1]}), {"k": [a, 1]})
        scalar = decode(CBOR, bytes.fromhex("d9ee4b82633c663848" + "00" * 6 + "f03f"))
        self.assertEqual((scalar.dtype, scalar.shape, scalar.tolist()), ("<f8", (), 1.0))

    def test_malformed(self):
        def document(dtype, shape):
            item = b"\xd9\xee\x4a\x83" + encode(dtype).join() + encode(shape).join() + b"\0"
            raw = struct.pack("<IIQ", len(item), 1, 0) + item
            return raw + bytes(-len(raw) % 64)

        decode(ARRAY, document("<f8", [0]))
        for dtype, shape in (
            ("|O", [0]),
            ("<f16", [0]),
            (">f8", [0]),
            ("|V8", [0]),
            ("<U0", [0]),
            ("<f8", [1]),
            ("<f8", [-1]),
            ("<f8", [True, 0]),
            ("<f8", ["1"]),
            ("<f8", [0] * 33),
            ("<f8", 1),
            (5, []),
        ):
            with self.assertRaises(Malformed, msg=f"{dtype} {shape}"):
                decode(ARRAY, document(dtype, shape))
        for scalar in ([5, b""], ["<f8", b""], ["<f8", "text"], ["|O", b""]):
            with self.assertRaises(Malformed):
                decode(CBOR, b"\xd9\xee\x4b" + encode(scalar).join())

    @with_numpy
    def test_numpy(self):
        np = numpy()
        for dtype in ("b1", "i1", "u2", "i4", "u8", "f2", "f4", ">f8", "c8", "c16", "S3", "U4", "M8[ns]", "m8[D]"):
            for shape in ((), (0,), (3,), (2, 3), (2, 0, 3), (2, 1, 2)):
                a = np.arange(int(np.prod(shape))).astype("i8").reshape(shape).astype(dtype)
                back = there_and_back(a)
                self.assertIs(type(back), np.ndarray)
                self.assertEqual((back.dtype, back.shape), (a.dtype.newbyteorder("<"), a.shape))
                self.assertTrue((back == a).all())
                self.assertTrue(back.flags.writeable)
                if shape == ():
                    scalar = there_and_back(a[()])
                    self.assertIs(type(scalar), type(a[()]))
                    self.assertEqual(scalar, a[()])
        a = np.arange(24).reshape(2, 3, 4)
        for view in (a.T, a[:, ::-1], a[..., 1], np.asfortranarray(a)):
            self.assertTrue((there_and_back([view])[0] == view).all())
        self.assertTrue((there_and_back({"a": (a, [a + 1])})["a"][1][0] == a + 1).all())

    @with_numpy
    def test_numpy_refused(self):
        np = numpy()
        for a in (np.array([object()]), np.zeros(1, "i4,f8"), np.ma.array([1]), np.longdouble(1)):
            with self.assertRaises(Unsendable):
                encode(a)
        back = there_and_back(np.array([1, None]), allow_pickle=True)
        self.assertEqual(back.tolist(), [1, None])

    @with_numpy
    def test_arrays_in_pickles_are_buffers(self):
        np = numpy()
        value = shapes.Plain(np.arange(1000.0))
        e = encode(value, allow_pickle=True)
        self.assertTrue(any(isinstance(part, memoryview) and part.nbytes == 8000 for part in e.parts))
        self.assertTrue((decode(e.codec, e.join(), allow_pickle=True).x == value.x).all())


if __name__ == "__main__":
    unittest.main()
