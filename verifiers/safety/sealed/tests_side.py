"""The tests' end of the conversation: the meaning of names and values of the code."""

from __future__ import annotations

import builtins
import sys
import types

from .remote import ARITHMETIC, Remote, data_type, remote_type
from .wire import PUBLIC, Gone, Stream, Wire, receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from collections.abc import Callable, Coroutine
    from typing import Any

IMMUTABLE = (int, float, complex, str, bytes, tuple, frozenset)


class TestsSide(Wire):
    """The other end of a `CodeSide`: it asks, and lends the code functions of the tests."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.lent: list[Any] = []
        self.remotes: dict[int, Remote] = {}
        self.coroutines: dict[int, tuple[object, int]] = {}
        self.errors: dict[int, type[BaseException]] = {}
        self.unfit = False
        self.mixing = False

    def handle(self, value: Any) -> list[Any] | None:
        """Return a handle.

        Raises `TypeError` for an object that the code can get only in a test run beside it.
        """
        if isinstance(value, Remote) or getattr(type(value), "_of_the_code", False):
            return ["h", value._handle]
        if isinstance(value, type) and issubclass(value, Remote):
            raise TypeError("a stand-in for an object of the code has no class of the code")
        if isinstance(value, type) and getattr(value, "_of_the_code", False):
            return ["h", value.__dict__["_class_handle"]]
        if isinstance(value, types.TracebackType):
            return None  # of frames that are not the code's to see
        if id(value) in self.coroutines:
            return ["h", self.coroutines[id(value)][1]]
        if isinstance(value, types.ModuleType) and value.__name__ in sys.stdlib_module_names:
            return ["m", value.__name__]
        if isinstance(value, BaseException) and getattr(
            builtins, type(value).__name__, None
        ) is type(value):
            return ["e", type(value).__name__, self.encode(value.args)]
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if (
            isinstance(module, str)
            and isinstance(name, str)
            and module.partition(".")[0] in sys.stdlib_module_names
        ):
            return ["n", module, name]
        if callable(value) and not isinstance(value, type):
            self.lent.append(value)
            return ["k", len(self.lent) - 1]
        self.unfit = True
        raise TypeError(f"{type(value).__name__} cannot be handed to the code")

    def held(self, tag: str, *arguments: Any) -> Any:
        """Return the stand-in for an object of the code."""
        made: dict[str, Callable[..., Any]] = {
            "h": self.object,
            "k": self.function,
            "m": module,
            "n": public,
            "w": self.coroutine,
            "e": self.error,
            "x": self.kind,
        }
        return made[tag](*arguments)

    def object(
        self, handle: int, specials: list[str], plain: list[Any] | None, inherited: list[str]
    ) -> Any:
        """Return an object that asks the code's, but for operators left to its plain value.

        An immutable such value is returned.
        """
        value = None if plain is None else [self.decode(plain[0])]
        if value is None or not isinstance(value[0], IMMUTABLE):
            made = remote_type(frozenset(specials), frozenset(inherited))(self, handle, value)
            remote = self.remotes.setdefault(handle, made)
            object.__setattr__(remote, "_plain", value)  # one that changes has another by now
            object.__setattr__(remote, "_mixed", remote._mixed or self.mixing)
            return remote
        base: Any = type(value[0])
        data = data_type(base)(value[0])
        data.__dict__.update(_side=self, _handle=handle)
        return data

    def function(self, place: int) -> Any:
        """Return a function that was lent."""
        return self.lent[place]

    def coroutine(self, handle: int) -> Coroutine[Any, Any, Any]:
        """Return a coroutine that runs the code's."""

        async def awaited() -> Any:
            return self.ask("await", handle)

        coroutine = awaited()
        self.coroutines[id(coroutine)] = (coroutine, handle)
        return coroutine

    def kind(self, handle: int, name: str, base: str) -> type[BaseException]:
        """Return a class that stands for one of the code's exceptions."""
        if handle not in self.errors:
            members = {
                "__getattr__": error_attribute,
                "_of_the_code": True,
                "_class_handle": handle,
            }
            self.errors[handle] = type(name, (exception(base),), members)
        return self.errors[handle]

    def error(
        self, base: str, custom: list[Any] | None, arguments: Any, handle: int
    ) -> BaseException:
        """Return an exception that stands for one of the code's."""
        kind = exception(base) if custom is None else self.kind(custom[0], custom[1], base)
        values = self.decode(arguments)
        error = kind.__new__(kind, *values)
        error.args = values
        if custom is not None:
            error.__dict__.update(_side=self, _handle=handle)
        return error

    def ask(self, *question: Any, mixed: bool = False) -> Any:
        """Return the code's answer, lending it functions meanwhile; raise its exception."""
        return self.answer_to(*question, mixed=mixed)[0]

    def answer_to(self, *question: Any, mixed: bool = False) -> tuple[Any, Any]:
        """Return the code's answer, and the arguments as they are now, if they are others.

        `mixed`: the operation knows values of the test, so the test must not compare its result
        with them.
        """
        send(self.stream, ["?", *question])
        while (frame := receive(self.stream))[0] == "?":
            send(self.stream, self.reply(*frame[1:]))
        self.mixing = mixed
        try:
            if frame[0] == "!":
                raise self.error(*frame[1:])
            after = frame[2] and self.decode(frame[2])
            return (
                frame[1]
                if isinstance(frame[1], list) and frame[1][0] == "a"
                else self.decode(frame[1])
            ), after
        finally:
            self.mixing = False

    def call(
        self,
        handle: int,
        name: str,
        arguments: tuple[Any, ...],
        named: dict[str, Any],
        *,
        mixed: bool = False,
    ) -> Any:
        """Return the result of a special method of the code's object, and change arguments
        as a call did.
        """
        done, after = self.answer_to(
            "special", handle, name, self.encode([arguments, named]), mixed=mixed
        )
        if after is not None and name == "__call__":
            for old, new in zip(
                (*arguments, *named.values()), (*after[0], *after[1].values()), strict=True
            ):
                change(old, new)
        if not isinstance(done, list) or done[:1] != ["a"]:
            return done
        return NotImplemented if done[1] is None and name in ARITHMETIC else arguments[done[1]]

    def reply(self, operation: str, place: int, arguments: Any) -> list[Any]:
        """Return the result of a test's function; the code can request nothing else of a test."""
        try:
            positional, named = self.decode(arguments)
            return ["=", self.encode(self.lent[place](*positional, **named)), None]
        except Gone:
            raise
        except (
            BaseException
        ) as error:  # lent functions may raise anything: the code gets a builtin exception
            builtin = getattr(builtins, type(error).__name__, None) is type(error)
            return ["!", type(error).__name__ if builtin else "Exception", ["t", []]]


class Names(dict[str, object]):
    """The tests' global names; those that they do not have are the code's."""

    def __init__(self, side: TestsSide) -> None:
        super().__init__(__name__="candidate")
        self.side = side
        self.genuine = False

    def __missing__(self, name: str) -> Any:
        """Return the code's value of a name; `KeyError` if it has none either."""
        if self.genuine and hasattr(builtins, name):
            raise KeyError(name)
        value = self.side.ask("name", name)
        return module(name) if self.genuine and name in sys.stdlib_module_names else value

    def prepare(self, free: set[str]) -> None:
        """Have names of builtins mean the builtins, unless a test uses nothing else of the code.

        The test alone decides that: the code could claim anything about its own names.
        """
        self.genuine = any(
            not hasattr(builtins, name) and name not in sys.stdlib_module_names
            for name in free - self.keys()
        )


def module(name: str) -> types.ModuleType:
    """Return a module of the standard library."""
    if name.partition(".")[0] not in sys.stdlib_module_names:
        raise ValueError(name)
    return __import__(name, fromlist=["_"])


def public(module: str, name: str) -> Any:
    """Return a type of data or exceptions, or a function of `math`: all without side effects."""
    if module == "builtins":
        return getattr(builtins, name) if name in PUBLIC else exception(name)
    value = getattr({"math": __import__("math")}[module], name)
    if not isinstance(value, types.BuiltinFunctionType):
        raise ValueError(name)
    return value


def exception(name: str) -> type[BaseException]:
    """Return an exception of the language."""
    kind: type[BaseException] = getattr(builtins, name)
    if not isinstance(kind, type) or not issubclass(kind, BaseException):
        raise ValueError(name)
    return kind


def error_attribute(self: Any, name: str) -> Any:
    """Return an attribute of one of the code's exceptions."""
    if name.startswith("_"):
        raise AttributeError(name)
    return self._side.ask("attribute", "getattr", self._handle, name)


def change(old: Any, new: Any) -> None:
    """Give a mutable argument the code's content, and keep its mutable parts."""
    if isinstance(old, list) and isinstance(new, list):
        old[:] = [changed(*pair) for pair in zip(old, new)] + new[len(old) :]  # noqa: B905 - either may be longer
    elif isinstance(old, dict) and isinstance(new, dict):
        merged = {key: changed(old.get(key), value) for key, value in new.items()}
        old.clear()
        old.update(merged)
    elif isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray) and isinstance(new, bytearray):
        old[:] = new
    elif isinstance(old, tuple) and isinstance(new, tuple):
        for pair in zip(old, new):  # noqa: B905 - as above
            change(*pair)


def changed(old: Any, new: Any) -> Any:
    """Return the old container with the new content, or the new value if the kinds differ."""
    if type(old) is type(new) and isinstance(old, (list, dict, set, bytearray)):
        change(old, new)
        return old
    return new
