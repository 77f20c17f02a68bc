import collections
import enum
import math
import random
import struct
import unittest
from fractions import Fraction

from dagscope._decode import decode
from dagscope._encode import encode
from dagscope._values import ARRAY, CBOR, MAX_DEPTH, PICKLE, Array, Hole, Malformed, Unsendable

from . import shapes


def there_and_back(value, **options):
    e = encode(value, **options)
    assert e.size == len(e.join())
    return decode(e.codec, e.join(), allow_pickle=options.get("allow_pickle", False))


def nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


class Values(unittest.TestCase):
    def same(self, value):
        back = there_and_back(value)
        self.assertEqual(back, value)
        self.assertIs(type(back), type(value))
        return back

    def test_numbers(self):
        for n in range(70):
            for value in (2**n - 1, 2**n, 2**n + 1, -(2**n) - 1, -(2**n), 1 - 2**n):
                self.same(value)
        for value in (3**500, -(3**500), 0.0, 1.5, -2.5e300, 5e-324, math.inf, -math.inf, True, False, None):
            self.same(value)
        self.assertEqual(struct.pack(">d", there_and_back(-0.0)), struct.pack(">d", -0.0))
        self.assertTrue(math.isnan(there_and_back(math.nan)))

    def test_texts_and_bytes(self):
        for n in (0, 1, 23, 24, 255, 256, 65535, 65536, 70000):
            self.same("é" * n)
            self.same(b"\xff" * n)
        self.same("\0 \U0010ffff")

    def test_containers_come_back_as_what_they_were(self):
        value = [1, (2, (3,), []), {"a": {(1, "b"): [None, {4, 5}]}, 7: set(), None: (), 2.5: b""}]
        back = self.same(value)
        self.assertIs(type(back[1]), tuple)
        self.assertEqual(list(back[2]), list(value[2]), "the order of a dict")
        self.same(list(range(300)))

    def test_random_values(self):
        seed = random.randrange(1 << 32)
        r = random.Random(seed)

        def make(depth):
            kind = r.randrange(9 if depth else 5)
            if kind < 5:
                return (None, r.random() < 0.5, r.randrange(-(1 << 70), 1 << 70), r.random(), str(r.random()))[kind]
            parts = [make(depth - 1) for _ in range(r.randrange(5))]
            if kind == 5:
                return parts
            if kind == 6:
                return tuple(parts)
            if kind == 7:
                return {str(i): part for i, part in enumerate(parts)}
            return shapes.Node("n", None, dict(enumerate(parts)))

        for _ in range(300):
            value = make(4)
            self.assertEqual(there_and_back(value), value, f"seed {seed}")

    def test_encoding_is_as_in_the_rfc(self):
        # Appendix A of RFC 8949, as far as it has what is encoded here.
        for value, want in (
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (1000000, "1a000f4240"),
            (18446744073709551615, "1bffffffffffffffff"),
            (18446744073709551616, "c249010000000000000000"),
            (-18446744073709551617, "c349010000000000000000"),
            (-1000, "3903e7"),
            (1.1, "fb3ff199999999999a"),
            (True, "f5"),
            (None, "f6"),
            (b"\1\2\3\4", "4401020304"),
            ("ü", "62c3bc"),
            ([1, [2, 3]], "8201820203"),
            ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
        ):
            self.assertEqual(encode(value).join().hex(), want)
            self.assertEqual(decode(CBOR, bytes.fromhex(want)), value)
        for raw, want in (("f93c00", 1.0), ("fa47c35000", 100000.0), ("1b0000000000000001", 1)):
            self.assertEqual(decode(CBOR, bytes.fromhex(raw)), want)

    def test_dataclasses(self):
        self.same(shapes.Node("a", shapes.Node("b"), {"k": [shapes.Node.Key(1, (2,))]}))
        changed = shapes.Strict(1)
        changed.n = -1
        self.assertEqual(there_and_back(changed).n, -1, "its methods are not called")

    def test_what_would_be_lost_is_refused_with_its_place(self):
        class Color(enum.IntEnum):
            RED = 1

        class Local(dict):
            pass

        for value, place in (
            ([1, {"a": (object(),)}], "value[1]['a'][0] "),
            (Fraction(1, 2), "value cannot be sent: it is of type fractions.Fraction"),
            (collections.Counter("ab"), "collections.Counter"),
            ([Local()], "value[0] "),
            (Color.RED, "Color"),
            (shapes.Node("a", extra={"k": range(3)}), "value.extra['k'] "),
            ({object(): 1}, "object"),
            (bytearray(b"x"), "bytearray"),
            ("\ud800", "surrogate"),
            (shapes.Node, "of type type"),
            (lambda: 1, "function"),
        ):
            with self.assertRaises(Unsendable) as caught:
                encode(value)
            self.assertIn(place, str(caught.exception))

    def test_depth(self):
        self.same(nested(MAX_DEPTH))
        deep = shapes.Node("end")
        for _ in range(MAX_DEPTH - 2):
            deep = shapes.Node("n", deep)
        self.same(deep)
        itself = []
        itself.append(itself)
        for value in (nested(MAX_DEPTH + 1), itself):
            with self.assertRaisesRegex(Unsendable, "contains itself"):
                encode(value)
        for raw in (b"\x81" * MAX_DEPTH + b"\x80", b"\xc1" * 5000, b"\xd9\xee\x49" * 5000):
            with self.assertRaises(Malformed):
                decode(CBOR, raw)

    def test_pickle_only_where_it_is_allowed(self):
        value = [1, shapes.Plain([2]), {"k": shapes.Plain("x")}]
        with self.assertRaises(Unsendable):
            encode(value)
        e = encode(value, allow_pickle=True)
        self.assertEqual(e.codec, PICKLE)
        self.assertEqual(decode(e.codec, e.join(), allow_pickle=True), value)
        with self.assertRaisesRegex(Malformed, "does not allow"):
            decode(PICKLE, e.join())
        with self.assertRaisesRegex(Malformed, "does not allow", msg="the codec has to say that there are pickles"):
            decode(ARRAY, e.join(), allow_pickle=True)
        with self.assertRaisesRegex(Unsendable, r"value\[0\] .*pickle refuses"):
            encode([lambda: 1], allow_pickle=True)

    def test_holes(self):
        class Reference:
            def __init__(self, number):
                self.number = number

        def number(value):
            return value.number if isinstance(value, Reference) else None

        template = encode([[Reference(1), {"x": [(Hole(0), 5)]}], {"k": Reference(0)}], hole=number)
        first = object()
        args, kwargs = decode(template.codec, template.join(), holes=[first, "b"])
        self.assertEqual((args, kwargs), (["b", {"x": [(first, 5)]}], {"k": first}))
        for holes in ([], ["one"]):
            with self.assertRaises(Malformed):
                decode(template.codec, template.join(), holes=holes)
        with self.assertRaises(Unsendable):
            encode([Reference(0)])

    def test_malformed_items(self):
        good = encode([1, (2, 3.5), {"a": "b", "c": {b"d"}}, shapes.Node("n"), 2**80, Array("<i2", (2,), b"1234")])
        whole = good.join()
        decode(good.codec, whole)
        for end in range(len(whole)):
            with self.assertRaises(Malformed, msg=f"cut at {end}"):
                decode(good.codec, whole[:end])
        with self.assertRaises(Malformed):
            decode(good.codec, whole + b"\0")
        for what, raw in (
            ("nothing", ""),
            ("a length that is reserved", "1c"),
            ("bytes in chunks", "5f4100ff"),
            ("a list without a length", "9f00ff"),
            ("a break", "ff"),
            ("undefined", "f7"),
            ("a simple value", "f818"),
            ("a text that is not UTF-8", "62ffff"),
            ("a key that is there twice", "a200010002"),
            ("a list as a key", "a18000"),
            ("a very long list", "9bffffffffffffffff"),
            ("a very large dict", "bb7fffffffffffffff"),
            ("a very long text", "7bffffffffffffffff"),
            ("an unknown tag", "c06161"),
            ("a text as a large number", "c26161"),
            ("an object that is no list", "d81b00"),
            ("an object without a name", "d81b8200a0"),
            ("a set of lists", "d901028180"),
            ("a hole without holes", "d9ee4800"),
            ("a negative hole", "d9ee4820"),
            ("a tuple that is no list", "d9ee4900"),
            ("an array that is no list", "d9ee4a00"),
        ):
            with self.assertRaises(Malformed, msg=what):
                decode(CBOR, bytes.fromhex(raw))
        for codec in (0, 4, -1):
            with self.assertRaises(Malformed):
                decode(codec, b"\0")

    def test_malformed_objects(self):
        def of(name, fields):
            return b"\xd8\x1b\x82" + encode(name).join() + encode(fields).join()

        strict = f"{shapes.__name__}:Strict"
        self.assertEqual(decode(CBOR, of(strict, {"n": 3})), shapes.Strict(3))
        for name, fields in (
            ("os:path", {}),
            ("os:nothing", {}),
            ("nothing_there:X", {}),
            ("", {}),
            ("collections:OrderedDict", {}),
            (strict, {}),
            (strict, {"n": 1, "m": 2}),
            (strict, [1]),
            (7, {"n": 1}),
        ):
            with self.assertRaises(Malformed, msg=name):
                decode(CBOR, of(name, fields))

    def test_damage_is_noticed_or_harmless(self):
        seed = random.randrange(1 << 32)
        r = random.Random(seed)
        e = encode([1, (2, 3.5), {"a": "b"}, {4}, 2**80, Array("<f8", (2, 1), bytes(16)), -5, b"abc", None])
        noticed = 0
        for _ in range(3000):
            raw = bytearray(e.join())
            for _ in range(r.randrange(1, 4)):
                raw[r.randrange(len(raw))] = r.randrange(256)
            try:
                decode(e.codec, bytes(raw))
            except Malformed:
                noticed += 1
            except Exception as failure:
                self.fail(f"seed {seed}: {failure!r} for {raw.hex()}")
        self.assertGreater(noticed, 500)


class Tuples(unittest.TestCase):
    def test_a_named_tuple_is_not_a_tuple(self):
        with self.assertRaises(Unsendable):
            encode(collections.namedtuple("T", "a")(1))


if __name__ == "__main__":
    unittest.main()
