"""A test's stand-in for an object of the code, which never lets the code decide a comparison.

A test compares a returned value with the expected one. So that no object of the code's own making
equals everything, an object is compared with the test's own values by its plain value, or it is
unequal; it has an order only against its like. Arithmetic with a value of the test may show the
code the expected value. So its outcome, and everything from it, is `_mixed`: it decides nothing as
data would, and equals objects of the code's at most. Objects whose class leaves an operator as the
plain value has it receive no call at all.
"""

from __future__ import annotations

import functools
import operator

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from collections.abc import Callable
    from typing import Any, Protocol

    class Side(Protocol):
        """The part of the tests' end (`TestsSide`) that an object of the code needs."""

        unfit: bool

        def encode(self, value: Any) -> Any:
            """Return a value as JSON that keeps each exact type."""

        def ask(self, *question: Any, mixed: bool = False) -> Any:
            """Return the code's answer."""

        def answer_to(self, *question: Any, mixed: bool = False) -> tuple[Any, Any]:
            """Return the code's answer, and the arguments as they are now."""

        def call(
            self,
            handle: int,
            name: str,
            arguments: tuple[Any, ...],
            named: dict[str, Any],
            *,
            mixed: bool = False,
        ) -> Any:
            """Return the result of a special method of the code's object."""


REVERSIBLE = [
    "add",
    "and",
    "floordiv",
    "matmul",
    "mod",
    "mul",
    "or",
    "pow",
    "sub",
    "truediv",
    "xor",
]
ARITHMETIC = {f"__{side}{name}__" for name in REVERSIBLE for side in ("", "r")} | {"__divmod__"}
ORDER = {"__lt__", "__le__", "__gt__", "__ge__"}
OPERATORS = {name: getattr(operator, f"__{name}__") for name in REVERSIBLE} | {
    "divmod": divmod,
    "pow": pow,
}
#: Operations between data by a method's name: their outcome counts as arithmetic.
ALGEBRA = {
    "difference",
    "intersection",
    "isdisjoint",
    "issubset",
    "issuperset",
    "symmetric_difference",
    "union",
}
CHANGING = {"difference_update", "intersection_update", "subtract", "symmetric_difference_update"}
COLLECTIONS = (bytes, dict, frozenset, list, range, set, tuple)
#: Types whose attributes are refused to what has met the test's values: a test that uses them could
#: have been written for data.
DATA_TYPES = (
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "list",
    "tuple",
    "set",
    "dict",
    "collections.deque",
    "collections.Counter",
    "datetime.datetime",
    "datetime.timedelta",
    "decimal.Decimal",
    "fractions.Fraction",
)
FORWARDED = {
    "__abs__", "__bool__", "__call__", "__contains__", "__delitem__", "__enter__", "__exit__", "__float__", "__format__",  # noqa: E501
    "__getitem__", "__index__", "__instancecheck__", "__int__", "__invert__", "__iter__", "__len__", "__neg__", "__next__",  # noqa: E501
    "__pos__", "__repr__", "__reversed__", "__round__", "__setitem__", "__str__", "__subclasscheck__",  # noqa: E501
}  # fmt: skip


class Remote:
    """An object of the code: its side, its handle, and its plain value in a list, if any."""

    _side: Side
    _handle: int
    _plain: list[Any] | None
    _mixed: bool

    def __init__(self, side: Side, handle: int, plain: list[Any] | None) -> None:
        for name, value in (
            ("_side", side),
            ("_handle", handle),
            ("_plain", plain),
            ("_mixed", False),
        ):
            object.__setattr__(self, name, value)

    def __getattr__(self: Any, name: str) -> Any:
        """Return the object's attribute.

        An object that has met the test's values has only attributes that no data has.
        """
        if self._mixed and (name.startswith("__") or name in names_of_data()):
            raise refused()
        value = self._side.ask("attribute", "getattr", self._handle, name, mixed=self._mixed)
        if name in ALGEBRA | CHANGING | ARITHMETIC | ORDER | {"__eq__", "__ne__"} and isinstance(
            value, Remote
        ):
            return functools.partial(call_with_data, self, value, name)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the object's attribute."""
        self._side.ask("attribute", "setattr", self._handle, name, self._side.encode(value))

    def __delattr__(self, name: str) -> None:
        """Remove the object's attribute."""
        self._side.ask("attribute", "delattr", self._handle, name)

    def __eq__(self, other: object) -> bool:
        """Return the code's answer for two of its objects; else compare the plain value."""
        if isinstance(other, Remote):
            return bool(self._side.call(self._handle, "__eq__", (other,), {}))
        if self._mixed:
            raise refused()
        return self._plain is not None and bool(self._plain[0] == other)

    def __bool__(self) -> bool:
        """Return the truth of an object that does not say it itself."""
        if self._mixed:
            raise refused()
        length = getattr(type(self), "__len__", None)
        return length is None or bool(length(self))

    def __hash__(self) -> int:
        """Return the code's hash."""
        return int(forward(self, _name="__hash__"))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Refuse: a class made from one of the code's is made beside it."""
        self._side.unfit = True
        raise TypeError("a class of the code's is no base here")


def refused() -> TypeError:
    """Return the error that ends a test if such an object would decide."""
    return TypeError(
        "the outcome of an operation between the code's object and the test's value decides nothing"
    )


@functools.cache
def names_of_data() -> frozenset[str]:
    """Return the attributes that data of the language and of its library have."""
    names: set[str] = set()
    for name in DATA_TYPES:
        module, _, kind = name.rpartition(".")
        names.update(dir(getattr(__import__(module or "builtins"), kind)))
    return frozenset(names)


def is_mixed(value: object) -> bool:
    """Return whether this is an object of the code's that has met the test's values."""
    return isinstance(value, Remote) and value._mixed


def forward(self: Remote, *arguments: Any, _name: str, **named: Any) -> Any:
    """Return the object's answer.

    An object that has met the test's own values may only be called.
    """
    if self._mixed and _name != "__call__":
        raise refused()
    mixed = self._mixed or any(map(is_mixed, (*arguments, *named.values())))
    return self._side.call(self._handle, _name, arguments, named, mixed=mixed)


def compare_order(self: Remote, other: Any, *, _name: str) -> Any:
    """Return the order of two of the code's objects; the test's values have none against them."""
    return (
        self._side.call(self._handle, _name, (other,), {})
        if isinstance(other, Remote)
        else NotImplemented
    )


def arithmetic(self: Remote, *others: Any, _name: str) -> Any:
    """Return the outcome of arithmetic.

    With a value of the test's own it must be an object of the code's again.
    """
    mixed = self._mixed or any(is_mixed(other) or not isinstance(other, Remote) for other in others)
    return outcome(self._side.call(self._handle, _name, others, {}, mixed=mixed), mixed=mixed)


def outcome(done: Any, *, mixed: bool) -> Any:
    """Return the code's answer; refuse data that it made with knowledge of the expected value."""
    if mixed and not isinstance(done, Remote) and done is not NotImplemented:
        raise refused()
    return done


def call_with_data(owner: Remote, method: Any, name: str, *arguments: Any, **named: Any) -> Any:
    """Return a method's result, with the test's data passed as to an operator."""
    operands = (*arguments, *named.values())
    sets = name in ALGEBRA | CHANGING
    if not any(
        is_mixed(operand)
        or isinstance(operand, COLLECTIONS)
        or not (sets or isinstance(operand, Remote))
        for operand in operands
    ):
        return method(*arguments, **named)
    if name in ALGEBRA and owner._plain is not None and hasattr(owner._plain[0], name):
        return getattr(data_now(owner), name)(*arguments, **named)
    side = owner._side  # asked without `call`, so that arguments stay as they are
    done, _ = side.answer_to(
        "special", method._handle, "__call__", side.encode([arguments, named]), mixed=True
    )
    if name in CHANGING and done is None:
        object.__setattr__(owner, "_mixed", True)
        return None
    return outcome(done, mixed=True)


def plain_arithmetic(self: Remote, other: Any, *modulus: Any, _name: str) -> Any:
    """Return the outcome of arithmetic on the plain value, computed here."""
    if self._plain is None or self._mixed or isinstance(other, Remote):
        return arithmetic(self, other, *modulus, _name=_name)
    plain, base = data_now(self), _name.strip("_")
    return (
        OPERATORS[base](plain, other, *modulus)
        if base in OPERATORS
        else OPERATORS[base[1:]](other, plain)
    )


def data_now(self: Remote) -> Any:
    """Return the plain value as it is by now.

    Raises `TypeError` if the code has none any more.
    """
    self._side.ask("object", self._handle)
    if self._plain is None:
        raise refused()
    return self._plain[0]


BEHAVIOUR: dict[str, Callable[..., Any]] = {
    name: behaviour
    for names, behaviour in ((ARITHMETIC, arithmetic), (ORDER, compare_order), (FORWARDED, forward))
    for name in names
}


@functools.cache
def remote_type(specials: frozenset[str], inherited: frozenset[str]) -> type:
    """Return the type of remote objects with exactly these special methods."""
    methods = {name: method(BEHAVIOUR[name], name) for name in specials & BEHAVIOUR.keys()}
    others = (
        {"__radd__"} - specials if "__add__" in inherited else set()
    )  # a list handles its right operand by itself
    methods |= {name: method(plain_arithmetic, name) for name in (inherited | others) & ARITHMETIC}
    return type("Remote", (Remote,), methods)


def method(behaviour: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a special method: a function, so that it is bound."""

    def special(self: Remote, *arguments: Any, **named: Any) -> Any:
        return behaviour(self, *arguments, _name=name, **named)

    return special


@functools.cache
def data_type(base: type) -> type:
    """Return a type of plain values with an object's attributes: a named tuple, an enum."""

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807 - it becomes one
        return self._side.ask("attribute", "getattr", self._handle, name)

    return type(base.__name__, (base,), {"__getattr__": __getattr__, "_of_the_code": True})
