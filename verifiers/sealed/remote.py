"""What stands in a test for an object of the code's: it asks the code, except where that would let the code decide a comparison.

A test compares what the code returned with what it should have returned. So that no object of the code's own making is equal to
everything, an object is compared with the test's own values by its plain value, or it is unequal; it is told none of them in
arithmetic whose outcome counts; and by order it is compared with its like only.
"""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from collections.abc import Callable
    from typing import Any

    from .tests_side import TestsSide


REVERSIBLE = ["add", "and", "floordiv", "matmul", "mod", "mul", "or", "pow", "sub", "truediv", "xor"]
ARITHMETIC = {f"__{side}{name}__" for name in REVERSIBLE for side in ("", "r")} | {"__divmod__"}
ORDER = {"__lt__", "__le__", "__gt__", "__ge__"}
NUMBER = {"__abs__", "__neg__", "__pos__", "__invert__", "__round__", "__float__", "__int__", "__index__", "__bool__"}
ASKED = {
    "__call__", "__contains__", "__delitem__", "__enter__", "__exit__", "__format__", "__getitem__", "__instancecheck__",
    "__iter__", "__len__", "__next__", "__repr__", "__reversed__", "__setitem__", "__str__", "__subclasscheck__",
}  # fmt: skip


class Remote:
    """An object of the code's: `_side` and `_handle` say where it is, `_plain` is its plain value in a list, if it has one."""

    _side: TestsSide
    _handle: int
    _plain: list[Any] | None
    _mixed: bool

    def __init__(self, side: TestsSide, handle: int, plain: list[Any] | None) -> None:
        for name, value in (("_side", side), ("_handle", handle), ("_plain", plain), ("_mixed", False)):
            object.__setattr__(self, name, value)

    def __getattr__(self: Any, name: str) -> Any:
        """Return the object's attribute."""
        return self._side.ask("attribute", "getattr", self._handle, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the object's attribute."""
        self._side.ask("attribute", "setattr", self._handle, name, self._side.encode(value))

    def __delattr__(self, name: str) -> None:
        """Remove the object's attribute."""
        self._side.ask("attribute", "delattr", self._handle, name)

    def __eq__(self, other: object) -> bool:
        """Return what the code says of two of its objects; else whether the plain value is equal."""
        if isinstance(other, Remote):
            return bool(self._side.call(self._handle, "__eq__", (other,), {}))
        return self._plain is not None and bool(self._plain[0] == other)

    def __hash__(self) -> int:
        """Return the code's hash."""
        return int(self._side.call(self._handle, "__hash__", (), {}))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Refuse: a class made from one of the code's is made beside it."""
        self._side.unfit = True
        raise TypeError("a class of the code's is no base here")


def asked(self: Remote, *arguments: Any, _name: str, **named: Any) -> Any:
    """Return what the object answers."""
    return self._side.call(self._handle, _name, arguments, named)


def ordered(self: Remote, other: Any, *, _name: str) -> Any:
    """Return the order of two of the code's objects; none is ordered against the test's own values."""
    return asked(self, other, _name=_name) if isinstance(other, Remote) else NotImplemented


def mixed(self: Remote, other: Any, *modulus: Any, _name: str) -> Any:
    """Return the outcome of arithmetic; with a value of the test's own it must be an object of the code's again."""
    done = asked(self, other, *modulus, _name=_name)
    if isinstance(other, Remote):
        return done
    if not isinstance(done, Remote):
        return NotImplemented
    object.__setattr__(done, "_mixed", True)
    return done


def number(self: Remote, *arguments: Any, _name: str) -> Any:
    """Return what the object is as a number, unless it has met the test's own values."""
    if self._mixed:
        raise TypeError("the outcome of arithmetic between the code's object and the test's value is the code's object")
    return asked(self, *arguments, _name=_name)


BEHAVIOUR: dict[str, Callable[..., Any]] = {
    name: behaviour
    for names, behaviour in ((ARITHMETIC, mixed), (ORDER, ordered), (NUMBER, number), (ASKED, asked))
    for name in names
}


@functools.cache
def remote_type(specials: frozenset[str]) -> type:
    """Return the type of remote objects that have these special methods and no others."""
    methods = {name: method(name) for name in specials & BEHAVIOUR.keys()}
    return type("Remote", (Remote,), methods)


def method(name: str) -> Callable[..., Any]:
    """Return a special method: a function, so that it is bound."""
    behaviour = BEHAVIOUR[name]

    def special(self: Remote, *arguments: Any, **named: Any) -> Any:
        return behaviour(self, *arguments, _name=name, **named)

    return special


@functools.cache
def data_type(base: type) -> type:
    """Return a type of plain values that have the attributes of an object of the code's beside: a tuple with names, an enum."""

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807 - it becomes one
        return self._side.ask("attribute", "getattr", self._handle, name)

    return type(base.__name__, (base,), {"__getattr__": __getattr__, "_of_the_code": True})
