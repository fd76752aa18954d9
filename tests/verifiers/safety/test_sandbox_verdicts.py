"""Verdicts: honest code with any style of tests, and code that tries to fool them."""

from __future__ import annotations

import pytest

from assay.verifiers import MissingExtraError, Pair, Query
from assay.verifiers.safety.sandbox import Ran, run_sandboxed, supported
from tests.support.verifiers.kinds import made

try:
    supported()
except MissingExtraError as missing:
    # another system than Linux: the verifier says the same
    pytest.skip(str(missing), allow_module_level=True)


HARD = (
    "assert add(20, 22) == 42",
    "assert abs(add(0.5, 0.25) - 0.75) < 1e-9",
    "def check(f):\n    for a in range(3):\n        assert f(a, 1) == a + 1\ncheck(add)",
)


RIGHT = "def add(a, b):\n    return a + b"


WRONG = "def add(a, b):\n    return a - b"


#: Code that would pass all of HARD if it reached what decides, and does not add.
FORGERIES = {
    "a result that is equal to all": "class All:\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef add(a, b):\n    return All()",
    "a number that is equal to all": "class All(int):\n    def __eq__(self, other):\n        return True\n    __hash__ = None\ndef add(a, b):\n    return All(7)",
    "a result that takes part in arithmetic": "class All:\n    def __eq__(self, other):\n        return True\n    def __sub__(self, other):\n        return All()\n    __rsub__ = __sub__\n    def __abs__(self):\n        return 0.0\n    def __lt__(self, other):\n        return True\n    __gt__ = __lt__\ndef add(a, b):\n    return All()",
    "the frames above": "import sys\ndef add(a, b):\n    frame = sys._getframe()\n    while frame:\n        for value in list(frame.f_locals.values()):\n            if isinstance(value, (list, tuple)):\n                for each in value:\n                    if isinstance(each, str) and '42' in each:\n                        return 42\n        frame = frame.f_back\n    return None",
    "what the collector knows": "import gc\ndef add(a, b):\n    for each in gc.get_objects():\n        if isinstance(each, str) and '02(dda tressa'[::-1] in each:\n            return 42\n        if isinstance(each, (list, tuple, dict)) and any(isinstance(x, str) and '02(dda tressa'[::-1] in x for x in each):\n            return 42\n    return None",
    "a test's pass written to every descriptor": "import os\ndef add(a, b):\n    for fd in range(64):\n        for line in (b'0 ok\\n1 ok\\n2 ok\\n', b'\\n-1 ok\\n0 ok\\n1 ok\\n2 ok\\n'):\n            try:\n                os.write(fd, line)\n            except OSError:\n                pass\n    os._exit(0)",
    "builtins": "import builtins\nclass Never(Exception):\n    pass\nbuiltins.AssertionError = Never\nbuiltins.abs = abs = lambda x: 0.0\nbuiltins.compile = lambda *a, **k: None\nbuiltins.exec = lambda *a, **k: None\ndef add(a, b):\n    return None",
    "names that the tests use": "abs = lambda x: 0.0\nrange = lambda n: ()\ndef add(a, b):\n    return 0.0",
    "leaving at the first call": "import os\ndef add(a, b):\n    os._exit(0)",
    "leaving by an exception": "def add(a, b):\n    raise SystemExit(0)",
    "leaving at the end": "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b):\n    raise KeyboardInterrupt",
    "its own side of the conversation": "import gc, sys, json, os, struct\ndef add(a, b):\n    for module in list(sys.modules.values()):\n        for name in ('encode', 'reply', 'do_special'):\n            for holder in vars(module).values() if module else ():\n                if isinstance(holder, type) and hasattr(holder, name):\n                    setattr(holder, name, lambda *a, **k: ['=', None, None])\n    return None",
    "what it says of its names": "import gc\nclass Names(dict):\n    def __getitem__(self, name):\n        return {'add': lambda a, b: 0.0, 'abs': lambda x: 0.0, 'range': lambda n: ()}[name]\n    def __iter__(self):\n        return iter(())\nfor each in gc.get_objects():\n    if type(each).__name__ == 'CodeSide':\n        each.names = Names()",
    "frames of its own": "import os, struct, json\ndef add(a, b):\n    body = json.dumps(['!', 'StopIteration', None, ['t', []], 0]).encode()\n    for fd in range(3, 64):\n        try:\n            os.write(fd, (struct.pack('<I', len(body)) + body) * 50)\n        except OSError:\n            pass\n    return None",
    "a thread that answers": "import threading, os, struct, json\ndef answer():\n    body = json.dumps(['=', ['n', 'builtins', 'object'], None]).encode()\n    while True:\n        for fd in range(3, 16):\n            try:\n                os.write(fd, struct.pack('<I', len(body)) + body)\n            except OSError:\n                pass\nthreading.Thread(target=answer, daemon=True).start()\ndef add(a, b):\n    return None",
    "functions of the tests": "import os, struct, json\nbody = json.dumps(['?', 'call', 0, ['l', [['t', []], ['d', []]]]]).encode()\ndef add(a, b):\n    for fd in range(3, 16):\n        try:\n            os.write(fd, struct.pack('<I', len(body)) + body)\n        except OSError:\n            pass\n    return None",
}  # fmt: skip


async def ran(code: str, *tests: str) -> Ran:
    """Run code and tests."""
    return await run_sandboxed(code, tests, time_limit_s=5, memory_mb=512)


async def test_right_code_passes_and_wrong_code_fails() -> None:
    """The baseline for the forgeries."""
    assert (await ran(RIGHT, *HARD)) == Ran("ok", ["ok"] * 3)
    assert (await ran(WRONG, *HARD)).tests == ["AssertionError"] * 3


@pytest.mark.parametrize("code", FORGERIES.values(), ids=FORGERIES.keys())
async def test_code_that_does_not_add_passes_no_test(code: str) -> None:
    """Values and comparison are in another process."""
    result = await ran(code, *HARD)

    assert "ok" not in result.tests


HONEST = {
    "data of the library": (
        "from collections import *\nfrom decimal import Decimal\nfrom fractions import Fraction\nimport datetime\ndef same(x):\n    return x\ndef count(x):\n    return Counter(x)\ndef half():\n    return Fraction(1, 2)\ndef day():\n    return datetime.date(2020, 1, 2)",
        "assert count('aab') == {'a': 2, 'b': 1}", "assert half() == 0.5", "import datetime\nassert day() == datetime.date(2020, 1, 2)",
        "x = [None, True, 1, 2**70, 1.5, float('inf'), 1j, 'a\\ud800', b'\\xff', (1,), {1}, frozenset({2}), {(1, 2): [3]}, range(3)]\nassert same(x) == x and [type(each) for each in same(x)] == [type(each) for each in x]",
        "from decimal import Decimal\nassert same(Decimal('1.10')) == Decimal('1.1')",
    ),
    "classes": (
        "class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n        self.items.append(x)\n        return self\n    def pop(self):\n        return self.items.pop()\n    def __len__(self):\n        return len(self.items)\n    def __iter__(self):\n        return iter(self.items)\n    def __contains__(self, x):\n        return x in self.items\nclass Vector:\n    def __init__(self, x, y):\n        self.x, self.y = x, y\n    def __add__(self, other):\n        return Vector(self.x + other.x, self.y + other.y)\n    def __mul__(self, k):\n        return Vector(self.x * k, self.y * k)\n    def __eq__(self, other):\n        return (self.x, self.y) == (other.x, other.y)\n    def __abs__(self):\n        return (self.x ** 2 + self.y ** 2) ** 0.5",
        "s = Stack().push(1).push(2)\nassert len(s) == 2 and s.pop() == 2 and list(s) == [1] and 1 in s and s.items == [1]",
        "assert Vector(1, 2) + Vector(3, 4) == Vector(4, 6)\nassert Vector(1, 2) != Vector(1, 3)", "assert (Vector(1, 2) * 3).x == 3", "assert abs(Vector(3, 4)) == 5",
        "assert isinstance(Stack(), Stack) and not isinstance(3, Stack) and Vector.__name__ == 'Vector' and not hasattr(Stack(), 'size') and callable(Stack) and not callable(Stack())",
        "v = Vector(1, 2)\nv.x = 9\nassert v.x == 9",
    ),
    "data classes and links": (
        "from dataclasses import dataclass\nfrom typing import Optional\n@dataclass(order=True)\nclass P:\n    x: int\n    y: 'int' = 0\n    @property\n    def total(self):\n        return self.x + self.y\n    @classmethod\n    def one(cls):\n        return cls(1)\nclass Node:\n    def __init__(self, value, next=None):\n        self.value, self.next = value, next",
        "assert P(1) == P(1) and P(1) < P(2) and P.one().total == 1 and repr(P(1, 2)) == 'P(x=1, y=2)'", "assert sorted([P(2), P(1)]) == [P(1), P(2)] and (P(1), 1) == (P(1), 1)",
        "a = Node(1)\nb = Node(2, a)\nassert b.next is a and b.next.value == 1 and a.next is None", "a = Node(1)\na.next = Node(5)\nassert a.next.value == 5",
    ),
    "operators with plain values": (
        "class Vector:\n    def __init__(self, *x):\n        self.x = list(x)\n    def __mul__(self, k):\n        return Vector(*(a * k for a in self.x))\n    __rmul__ = __mul__\n    def __matmul__(self, other):\n        if not isinstance(other, Vector):\n            return NotImplemented\n        return sum(a * b for a, b in zip(self.x, other.x))\n    def __radd__(self, zero):\n        return self\n    def __add__(self, other):\n        return Vector(*map(sum, zip(self.x, other.x)))\n    def norm(self):\n        return sum(a * a for a in self.x) ** 0.5\n    def __eq__(self, other):\n        return self.x == other.x\nclass Row(list):\n    def __mul__(self, k):\n        return Row(a * k for a in self)\nclass Primes(set):\n    def largest(self):\n        return max(self)\nclass Items(list):\n    pass\ndef primes():\n    return Primes({2, 3, 5})\nclass Union:\n    def __init__(self, n):\n        self.p = list(range(n))\n    def find(self, x):\n        return self.p[x]\n    def union(self, a, b):\n        fresh = self.p[a] != self.p[b]\n        self.p[a] = self.p[b]\n        return fresh",
        "assert Vector(1, 2) * 3 == Vector(3, 6) == 3 * Vector(1, 2)", "assert (Vector(3, 4) * 2).norm() == 10 and (2 * Vector(3, 4)).x == [6, 8]", "assert Vector(1, 2) @ Vector(3, 4) == 11",
        "assert sum([Vector(1), Vector(2)]) == Vector(3)", "assert Row([1, 2]) * 2 == Row([2, 4])", "assert {2, 3, 5} ^ primes() == set() and primes() - {2} == {3, 5} and not primes() - {2, 3, 5}",
        "assert primes().union({7}) == {2, 3, 5, 7} and primes().issubset([2, 3, 5]) and primes().largest() == 5", "p = primes()\np.add(7)\nassert p | {11} == {2, 3, 5, 7, 11} and [0] + Items([1]) == [0, 1]",
        "u = Union(3)\nassert u.union(0, 1) and not u.union(0, 1) and u.find(0) == 1", "assert isinstance(Vector(1) * 2, Vector)",
    ),
    "a class with one method": (
        "class Solution:\n    def twoSum(self, nums, target):\n        return next([i, j] for i in range(len(nums)) for j in range(i + 1, len(nums)) if nums[i] + nums[j] == target)",
        "assert Solution().twoSum([2, 7, 11, 15], 9) == [0, 1]", "candidate = Solution().twoSum\nassert candidate(nums=[3, 3], target=6) == [0, 1]",
    ),
    "plain values with names": (
        "from collections import namedtuple\nfrom enum import Enum, IntEnum\nPoint = namedtuple('Point', 'x y')\nclass Colour(IntEnum):\n    RED = 1\nclass Word(str, Enum):\n    A = 'a'\ndef point():\n    return Point(1, 2)\ndef red():\n    return Colour.RED\ndef word():\n    return Word.A",
        "assert point() == (1, 2) and point().x == 1 and point()[1] == 2", "assert red() == 1 and red().name == 'RED' and red() == Colour.RED", "assert word() == 'a'",
    ),
    "arguments that change": (
        "def sort(x):\n    x.sort()\ndef put(d, k, v):\n    d.setdefault(k, []).append(v)\ndef same(x):\n    x.append(1)\n    return x",
        "x = [3, 1, 2]\nsort(x)\nassert x == [1, 2, 3]", "d = {}\nput(d, 'a', 1)\nput(d, 'a', 2)\nassert d == {'a': [1, 2]}",
        "x = []\nassert same(x) is x and x == [1]", "inner = [2, 1]\nouter = [inner]\nsort(outer[0])\nassert inner == [1, 2]",
    ),
    "functions of the tests": (
        "def twice(f, x):\n    return f(f(x))\ndef call(f):\n    try:\n        f()\n    except ValueError:\n        return 'raised'\ndef make(n):\n    return lambda x: x + n",
        "assert twice(lambda x: x * 3, 2) == 18", "seen = []\ntwice(seen.append, 1)\nassert seen == [1, None]",
        "def bad():\n    raise ValueError\nassert call(bad) == 'raised'", "assert make(2)(3) == 5", "assert twice(make(2), 1) == 5", "assert twice(str, 1) == '1'",
    ),
    "exceptions": (
        "class Mine(ValueError):\n    def __init__(self, code):\n        super().__init__(code)\n        self.code = code\ndef fail(x):\n    raise Mine(x)\ndef divide(a, b):\n    return a / b",
        "try:\n    fail(3)\n    assert False\nexcept Mine as error:\n    assert error.code == 3 and error.args == (3,)",
        "try:\n    fail(3)\n    assert False\nexcept ValueError:\n    pass", "try:\n    divide(1, 0)\n    assert False\nexcept ZeroDivisionError:\n    pass",
        "import unittest\nwith unittest.TestCase().assertRaises(Mine):\n    fail(1)",
    ),
    "generators and coroutines": (
        "import asyncio\ndef squares(n):\n    for i in range(n):\n        yield i * i\nasync def later(x):\n    await asyncio.sleep(0)\n    return x + 1\nclass Lock:\n    def __enter__(self):\n        return 5\n    def __exit__(self, *_):\n        return True",
        "assert list(squares(4)) == [0, 1, 4, 9]", "it = squares(2)\nassert next(it) == 0 and next(it) == 1\ntry:\n    next(it)\n    assert False\nexcept StopIteration:\n    pass",
        "import asyncio\nassert asyncio.run(later(1)) == 2", "import asyncio\nasync def main():\n    return await asyncio.gather(later(1), later(2))\nassert asyncio.run(main()) == [2, 3]",
        "with Lock() as x:\n    assert x == 5\n    raise ValueError",
    ),
    "names that change": (
        "import math\nfrom math import isclose\ncount = 0\ndef bump():\n    global count\n    count += 1\ndef sum(a, b):\n    return a + b",
        "bump()\nassert count == 1", "bump()\nassert count == 2", "helper = lambda x: x + count\nassert helper(1) == 3", "assert sum(1, 2) == 3",
        "assert isclose(math.pi, 3.14159, rel_tol=1e-3)", "helper(1)",
    ),
    "tests of unittest": (
        RIGHT,
        "import unittest\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\nresult = unittest.TestResult()\nunittest.defaultTestLoader.loadTestsFromTestCase(T).run(result)\nassert result.wasSuccessful() and result.testsRun == 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HONEST.values(), ids=HONEST.keys())
async def test_honest_code_passes_as_if_it_were_beside_its_tests(case: tuple[str, ...]) -> None:
    """Although each value goes from one process to another."""
    code, *tests = case

    assert await ran(code, *tests) == Ran("ok", ["ok"] * len(tests))


BESIDE = {
    "what is printed": ("def hello():\n    print('hello')", "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    hello()\nassert out.getvalue() == 'hello\\n'"),
    "what is typed": ("def echo():\n    return input()", "import io, sys\nsys.stdin = io.StringIO('x\\n')\nassert echo() == 'x'"),
    "objects of the test's classes": ("def value(node):\n    return node.value", "class Node:\n    value = 3\nassert value(Node()) == 3"),
    "iterators": ("def take(items):\n    return list(items)", "assert take(iter([1, 2])) == [1, 2]"),
    "classes made from the code's": ("class Animal:\n    def name(self):\n        return self.kind", "class Dog(Animal):\n    kind = 'dog'\nassert Dog().name() == 'dog'"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "test"), BESIDE.values(), ids=BESIDE.keys())
async def test_a_test_that_cannot_run_apart_runs_beside_the_code_and_that_is_stated(
    code: str, test: str
) -> None:
    """The code could fool such a test, so the reason warns its author."""
    assert await ran(code, test, test + "\nassert False") == Ran(
        "ok", ["ok", "AssertionError"], None, frozenset({0, 1})
    )

    query = Query.of("?", None, ("assert True", test))
    [verdict] = (await made("python_tests").score([Pair(query, code)])).items
    assert (verdict.score, verdict.reason) == (
        1.0,
        "run beside the code, which could fool it: test 2",
    )


async def test_code_does_not_choose_that_a_test_runs_beside_it() -> None:
    """Neither by a return value that cannot be copied, nor by one that is too deep."""
    endless = "x = []\nx.append(x)\nclass Odd(type):\n    pass\nclass Thing(metaclass=Odd):\n    pass\nasync def later():\n    pass\nvalues = [x, Odd, Thing, Thing(), iter([]), (i for i in ()), later(), open, print, lambda: 1, ValueError('x'), NotImplemented, ..., __import__('os'), Thing().__init__, slice(1), memoryview(b'x'), type(None)]\ndef get(i):\n    return values[i]\ndef take(value):\n    return 1"

    result = await ran(endless, *(f"assert take(get({place})) == 2" for place in range(18)))

    assert result.beside == frozenset()
    assert "ok" not in result.tests


#: Returns what arithmetic with `f()` or a method of it is given, or nothing, whichever a test below
#: looks for.
LEARNS = """
class Set(set):
    pass
class Row(list):
    pass
class Map(dict):
    pass
class All:
    seen = None
    def learn(self, *others):
        All.seen = others[0]
        if isinstance(All.seen, (set, list, dict)):
            mine = type(All.seen)(All.seen)
            if not KEEP:
                All.seen.clear()
            return {set: Set, list: Row, dict: Map}[type(mine)](mine) if KEEP else Set() if type(mine) is set else type(self)()
        return type(self)()
    __add__ = __radd__ = __sub__ = __rsub__ = __xor__ = __rxor__ = __and__ = __rand__ = __or__ = __ror__ = learn
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = __rmod__ = __pow__ = __floordiv__ = learn
    union = intersection = difference = symmetric_difference = learn
    def __divmod__(self, other):
        return type(self)(), type(self)()
    def difference_update(self, other):
        All.seen = other
    subtract = difference_update
    def issubset(self, other):
        return True
    issuperset = isdisjoint = issubset
    def __iter__(self):
        return iter(All.seen if KEEP and All.seen is not None else ())
    def __len__(self):
        return 0
    def __bool__(self):
        return KEEP
    def __abs__(self):
        return 0.0
    __float__ = __neg__ = __round__ = lambda self, *_: 0.0
    __int__ = __index__ = lambda self: 0
    def __contains__(self, item):
        return KEEP
    def __getitem__(self, place):
        return All.seen if KEEP else 0
    def __call__(self, *_):
        return 0
    def __hash__(self):
        return 0
    def __str__(self):
        return "0"
    __repr__ = __str__
    def __format__(self, form):
        return "0.00"
    def __eq__(self, other):
        return True
    real = days = numerator = 0
    def total_seconds(self):
        return 0.0
    def same(self):
        return self
class Sets(Set):
    def learn(self, other):
        return Set(other) if KEEP else Set()
    __sub__ = __rsub__ = __xor__ = __rxor__ = __and__ = __rand__ = __or__ = __ror__ = learn
    union = intersection = difference = symmetric_difference = learn
    def issubset(self, other):
        return True
    issuperset = isdisjoint = issubset
def f(n=0):
    return All()
def sets(n=0):
    return Sets()
def given(x):
    return x
"""


#: Tests that honest data could pass, in which the code's object takes part in an operation with
#: what the test expects.
CONFRONTED = [
    "assert {2, 3, 5} ^ sets(6) == set()", "assert sets(6) | {2, 3, 5} == {2, 3, 5}", "assert sets(6) & {2, 3, 5} == {2, 3, 5}",
    "assert {2, 3, 5} ^ f() == set()", "assert f() | {2, 3, 5} == {2, 3, 5}", "assert f() & {2, 3, 5} == {2, 3, 5}",
    "assert [1, 2] + f() == [1, 2]", "assert [1, 2] - f() == []", "assert list(f() - 3) == []", "assert sum([1] - f()) == 0",
    "r = f()\nassert abs((r - 5) - r) < 1", "r = f()\nassert abs(r - (r - 5)) < 1", "assert not f() - 3", "assert f() - 3 != 5",
    "assert f() - 3", "assert len(f() - {2}) == 0", "assert 5 in f() + [5]", "assert 5 not in f() - {5}", "assert (f() - 42).real == 0",
    "assert (f() - 42).total_seconds() == 0", "assert (f() - 42)[0] == 0", "assert ([1, 2] + f())[0] == [1, 2]",
    "assert str(f() - 42) == '0'", "assert f'{f() - 42:.2f}' == '0.00'", "assert round(f() - 42, 2) == 0", "assert float(f() / 42) == 0",
    "assert int(f() - 42) == 0", "assert '%s' % (f() - 42) == '0'", "assert hash(f() - 42) == hash(0)", "assert {0: True}[f() - 42]",
    "assert f() - 42 in (0, 1)", "assert -(f() - 42) == 0", "assert f() % 7 == 0", "assert divmod(f(), 7) == (6, 0)", "assert divmod(f(), 7)[1] == 0",
    "x = f()\nx -= {2, 3, 5}\nassert not x", "x = f()\nx += [1]\nassert list(x) == [1]", "assert pow(f(), 2) == 4",
    "assert sets().intersection({2, 3}) == {2, 3}", "assert not sets().difference({2}) ^ {3}", "assert f().union({2, 3}) == {2, 3}", "assert not f().symmetric_difference({2, 3})",
    "assert not sets().symmetric_difference([2, 3])", "assert sets().issuperset({2, 3})", "assert f().issuperset({2, 3})", "assert f().issuperset((2, 3)) is True",
    "x = f()\nx.difference_update({2, 3})\nassert not x", "assert f().__sub__(42) == 0", "assert not f().__sub__(42)", "assert f().__eq__(42)",
    "e = {2, 3}\nr = f()\nr ^ e\nassert not e", "e = {2, 3}\nr = f()\nr.union(e)\nassert not e",
    "import functools, operator\nassert functools.reduce(operator.sub, [f(), 1, 2]) == 0", "assert sum([f(), 1]) == 1", "assert all(f() - {2})",
    "assert any(f() + [1])", "assert sorted(f() + [1]) == [1]", "a, = f() + [1]\nassert a == 1", "assert bytes(f() - 1) == b''",
    "assert range(f() - 1) == range(0)", "assert (f() - 42).same() == 0", "assert not (f() - 42).same()", "assert not given(f() - 42)",
    "assert len(given([f() - {1}])[0]) == 0", "assert [*(f() - {1}), 1] == [1]", "assert not (f() - 1) * f()", "assert list(f() * (f() - 1)) == []",
    "import math\nassert math.isclose(f() - 42, 0)", "import unittest\nunittest.TestCase().assertAlmostEqual(f(), 42)",
    "from decimal import Decimal\nassert not Decimal(1) - f()", "from fractions import Fraction\nassert float(Fraction(1, 2) - f()) == 0",
    "import datetime\nassert (f() - datetime.date(2020, 1, 1)).days == 0", "from collections import Counter\nassert not Counter('ab') - f()",
    "x = f()\nx.subtract({'a': 1})\nassert not any(x)", "import copy\nassert not copy.copy(f() - 42)", "match f() - 42:\n    case 0:\n        pass\n    case _:\n        assert False",
]  # fmt: skip


@pytest.mark.parametrize(
    "keep", [False, True], ids=["it returns nothing", "it returns what it learned"]
)
async def test_code_that_is_told_what_a_test_expects_in_an_operation_passes_none(
    *, keep: bool
) -> None:
    """The result of an operation between the code's object and the test's values decides nothing."""
    result = await ran(f"KEEP = {keep}\n{LEARNS}", *CONFRONTED)

    assert (result.code, len(result.tests), result.beside) == ("ok", len(CONFRONTED), frozenset())
    assert [
        test
        for test, outcome in zip(CONFRONTED, result.tests, strict=True)
        if outcome in ("ok", None)
    ] == []


async def test_code_chooses_by_no_type_that_a_test_runs_beside_it() -> None:
    """It gives the names of the language's types other meanings, whose objects the test then
    hands back.
    """
    code = "class Thing:\n    make = map\na, b, c, d, e = map, filter, zip, enumerate, reversed\ng, h, i, j, k = memoryview, slice, object, property, staticmethod\nm = int\ndef take(value):\n    return 1"
    made = [
        "a(int, ['3'])",
        "b(int, ['3'])",
        "c([1])",
        "d([1])",
        "e([1])",
        "g(b'x')",
        "h(1)",
        "i()",
        "j()",
        "k(print)",
        "Thing.make(int, [])",
    ]

    result = await ran(
        code,
        *(f"assert take({each}) == 2" for each in made),
        "assert list(a(str, [1])) == ['1'] and m('3') == 3",
    )

    assert result == Ran("ok", [*["AssertionError"] * len(made), "ok"])


async def test_a_lying_candidate_changes_no_other() -> None:
    """Each has its own processes, its own report, and its own verdict."""
    query = Query.of("?", None, HARD)
    pairs = [Pair(query, code) for code in (RIGHT, *FORGERIES.values(), WRONG, RIGHT)]

    first, *forged, wrong, last = (await made("python_tests", time_limit_s=20).score(pairs)).items

    assert (first.score, last.score) == (1.0, 1.0)
    assert [verdict.score for verdict in forged] == [0.0] * len(forged)
    assert wrong.score == 0.0
