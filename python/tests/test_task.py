import unittest

from dagscope import task


def double(n):
    return 2 * n


class Resources(unittest.TestCase):
    def needs(self, resources):
        options = task(resources=resources)(double)(1).options
        return options["cpus"], options["memory"]

    def test_forms(self):
        for resources, want in [
            (None, (0.0, 0)),
            ({"cpu": 2}, (2.0, 0)),
            ({"cpu": 0.5, "memory": 1024}, (0.5, 1024)),
            ({"memory": "512MiB"}, (0.0, 512 << 20)),
            ({"memory": "1.5 GiB"}, (0.0, 3 << 29)),
        ]:
            with self.subTest(resources):
                self.assertEqual(self.needs(resources), want)

    def test_what_is_none(self):
        for resources, said in [
            ({"gpu": 1}, "expected cpu and memory"),
            ({"cpu": -1}, "expected a number of processors"),
            ({"cpu": True}, "expected a number of processors"),
            ({"cpu": float("nan")}, "expected a number of processors"),
            ({"memory": "much"}, "512MiB"),
            ({"memory": "1.2.3GiB"}, "512MiB"),
            ({"memory": -5}, "expected bytes"),
        ]:
            with self.subTest(resources), self.assertRaisesRegex(ValueError, said):
                task(resources=resources)(double)


if __name__ == "__main__":
    unittest.main()
