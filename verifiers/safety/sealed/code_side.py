"""The code's process: runs the candidate's code, then serves the tests' requests to its objects."""

from __future__ import annotations

import builtins
import functools
import operator
import os
import sys
import types

from .remote import ARITHMETIC, BEHAVIOUR
from .wire import PUBLIC, Gone, Stream, Wire, receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from collections.abc import Callable
    from typing import Any

WHOLE_SLICE = slice(None)
#: How an object of a subclass is sent as a plain value too, by which it is compared: by the base's
#: own way, not the subclass's.
PLAIN: dict[type, Callable[[Any], Any]] = {
    int: int.__int__, float: float.__float__, complex: complex.__pos__, str: str.__str__, frozenset: frozenset, set: set,  # noqa: E501
    dict: dict.copy, bytes: lambda it: bytes.__getitem__(it, WHOLE_SLICE), tuple: lambda it: tuple.__getitem__(it, WHOLE_SLICE),  # noqa: E501
    list: lambda it: list.__getitem__(it, WHOLE_SLICE),
}  # fmt: skip


class CodeSide(Wire):
    """The other end of a `TestsSide`: holds the code's objects, and answers for them."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        module = sys.modules["candidate"] = types.ModuleType(
            "candidate"
        )  # where data classes look for the names of their types
        self.names: dict[str, Any] = module.__dict__
        self.objects: list[Any] = []
        self.places: dict[int, int] = {}

    def handle(self, value: Any) -> list[Any]:
        """Return a handle, with the kind of object that the other side makes of it."""
        if isinstance(value, Callback):
            return ["k", value.number]
        if isinstance(value, types.ModuleType):
            return ["m", value.__name__]
        name = getattr(value, "__name__", "")
        if (
            type(value) is type
            and (name in PUBLIC or issubclass(value, BaseException))
            and getattr(builtins, name, None) is value
        ):
            return ["n", "builtins", name]
        if (
            type(value) is types.BuiltinFunctionType
            and getattr(value, "__module__", None) == "math"
        ):
            return ["n", "math", name]
        if isinstance(value, types.CoroutineType):
            return ["w", self.keep(value)]
        if isinstance(value, BaseException):
            return ["e", *self.error(value)]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["x", self.keep(value), value.__name__, base_of(value).__name__]
        base = next((base for base in PLAIN if isinstance(value, base)), None)
        members = {name for kind in type(value).__mro__ for name in vars(kind)}
        specials = [
            name for name in BEHAVIOUR if name in members and getattr(type(value), name) is not None
        ]
        if base is None:
            return ["h", self.keep(value), specials, None, []]
        inherited = [
            name
            for name in specials
            if name in ARITHMETIC and getattr(type(value), name) is getattr(base, name, None)
        ]
        overridden = [name for name in specials if name not in inherited]
        return ["h", self.keep(value), overridden, [self.encode(PLAIN[base](value))], inherited]

    def keep(self, value: Any) -> int:
        """Return the number by which the other side asks for this object."""
        if id(value) not in self.places:
            self.places[id(value)] = len(self.objects)
            self.objects.append(value)
        return self.places[id(value)]

    def held(self, tag: str, *arguments: Any) -> Any:
        """Return our object, a standard name, or a callable function of the tests."""
        if tag == "h":
            return self.objects[arguments[0]]
        if tag == "k":
            return Callback(self, arguments[0])
        if tag == "m":
            return __import__(arguments[0], fromlist=["_"])
        if tag == "e":
            return getattr(builtins, arguments[0])(*self.decode(arguments[1]))
        if tag == "n":
            return functools.reduce(
                getattr, arguments[1].split("."), __import__(arguments[0], fromlist=["_"])
            )
        raise ValueError(tag)

    def error(self, error: BaseException) -> list[Any]:
        """Return the error that the other side raises for an exception of this side."""
        kind = type(error)
        custom = None if kind is base_of(kind) else [self.keep(kind), kind.__name__]
        try:
            arguments = self.encode(error.args)
        # its arguments are the code's own objects: encoding them runs the code, which may raise
        # anything
        except Exception:
            arguments = ["t", []]
        return [base_of(kind).__name__, custom, arguments, self.keep(error)]

    def reply(self, question: list[Any]) -> list[Any]:
        """Return the answer to a question, or how it failed."""
        try:
            operation, *parameters = question
            answer: list[Any] = getattr(self, "do_" + operation)(*parameters)
        except Gone:
            raise
        # the code may raise anything, SystemExit too: the test hears it, and this process goes on
        except BaseException as error:
            return ["!", *self.error(error)]
        return answer

    def answer(self, question: list[Any]) -> None:
        """Send the answer to a question; one that is too long is an error of the code's."""
        try:
            send(self.stream, self.reply(question))
        except OverflowError as error:
            send(self.stream, ["!", *self.error(error)])

    def do_run(self, code: str) -> list[Any]:
        """Run the code itself."""
        exec(compile(code, "candidate", "exec"), self.names)  # noqa: S102 - that is what this process is for
        return ["=", None, None]

    def do_test(self, test: str) -> list[Any]:
        """Run a test beside the code, as one that cannot be run apart from it."""
        exec(compile(test, "test", "exec"), self.names)  # noqa: S102 - as above
        return ["=", None, None]

    def do_name(self, name: str) -> list[Any]:
        """Return the value of a global name; absent, `KeyError`."""
        return ["=", self.encode(self.names[name]), None]

    def do_object(self, number: int) -> list[Any]:
        """Return an object again, as it is by now."""
        return ["=", self.encode(self.objects[number]), None]

    def do_await(self, number: int) -> list[Any]:
        """Run a coroutine to its end."""
        import asyncio

        return ["=", self.encode(asyncio.run(self.objects[number])), None]

    def do_attribute(self, operation: str, number: int, *value: Any) -> list[Any]:
        """Get, set or delete an attribute."""
        done = getattr(builtins, operation)(self.objects[number], *map(self.decode, value))
        return ["=", self.encode(done), None]

    def do_special(self, number: int, name: str, arguments: list[Any]) -> list[Any]:
        """Call a special method as the language does; return the changed arguments as well."""
        decoded = self.decode(arguments)
        before = self.encode(decoded)
        done = special(self.objects[number], name, *decoded[0], **decoded[1])
        if done is NotImplemented and name in ARITHMETIC:
            return ["=", ["a", None], None]
        after = self.encode(decoded)
        for place, argument in enumerate(decoded[0]):
            if done is argument and isinstance(argument, (list, dict, set, bytearray)):
                return ["=", ["a", place], after]
        return ["=", self.encode(done), None if after == before else after]

    def ask(self, *question: Any) -> Any:
        """Return the tests' answer, serving them meanwhile."""
        send(self.stream, ["?", *question])
        while (frame := receive(self.stream))[0] == "?":
            self.answer(frame[1:])
        if frame[0] == "!":
            raise getattr(builtins, frame[1])(*self.decode(frame[2]))
        return self.decode(frame[1])


class Callback:
    """A function that a test handed over."""

    def __init__(self, side: CodeSide, number: int) -> None:
        self.side, self.number = side, number

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Return the result of the test's function."""
        return self.side.ask("call", self.number, self.side.encode([arguments, named]))


def special(value: Any, name: str, *arguments: Any, **named: Any) -> Any:
    """Return the result of an operation on a value."""
    if name == "__call__":
        return value(*arguments, **named)
    if name in ("__instancecheck__", "__subclasscheck__"):
        return (isinstance if name == "__instancecheck__" else issubclass)(arguments[0], value)
    if name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__"):
        return getattr(operator, name)(value, *arguments)
    return getattr(type(value), name)(value, *arguments, **named)


def base_of(kind: type) -> type[BaseException]:
    """Return the exception of the language that this one is or descends from."""
    base: type[BaseException] = next(
        ancestor
        for ancestor in kind.__mro__
        if getattr(builtins, ancestor.__name__, None) is ancestor
    )
    return base


def serve_code(stream: Stream) -> None:
    """Answer until the tests' process ends."""
    side = CodeSide(stream)
    try:
        send(stream, ["sealed"])
        while True:
            side.answer(receive(stream)[1:])
    except Gone:
        os._exit(0)
