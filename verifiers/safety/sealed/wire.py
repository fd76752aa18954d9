"""Values between the tests' process and the code's: data as data, all else as a handle."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from collections.abc import Callable
    from typing import Any


Stream = namedtuple("Stream", "reads writes")

MAX_FRAME_BYTES = 64 << 20
MAX_SAFE_INTEGER = 1 << 53  # JSON's numbers beyond it are not kept as they are by everybody
SEQUENCES: dict[type, str] = {list: "l", tuple: "t", set: "s", frozenset: "z"}
SEQUENCE_TYPES = {tag: kind for kind, tag in SEQUENCES.items()}
#: Types of the language that the code may name as they are. An object of any other could not be
#: handed back to the code.
PUBLIC = {
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "range",
    "set",
    "str",
    "tuple",
}
#: Data of the standard library, by their constructor.
ARGUMENTS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "builtins.range": lambda it: (it.start, it.stop, it.step),
    "collections.Counter": lambda it: (dict(it),),
    "collections.OrderedDict": lambda it: (list(it.items()),),
    "collections.defaultdict": lambda it: (None, dict(it)),
    "collections.deque": lambda it: (list(it), it.maxlen),
    "datetime.date": lambda it: (it.year, it.month, it.day),
    "datetime.timedelta": lambda it: (it.days, it.seconds, it.microseconds),
    "decimal.Decimal": lambda it: (str(it),),
    "fractions.Fraction": lambda it: (it.numerator, it.denominator),
}


class Gone(BaseException):
    """The other side has ended; an `except Exception` does not catch this."""


def receive(stream: Stream) -> list[Any]:
    """Return the next frame.

    Raises `Gone` at the end of the stream, or where the frame is longer than anything useful.
    """
    (length,) = struct.unpack("<I", exactly(stream, 4))
    if length > MAX_FRAME_BYTES:
        raise Gone
    frame: list[Any] = json.loads(exactly(stream, length))
    return frame


def exactly(stream: Stream, count: int) -> bytes:
    """Return so many bytes; raise `Gone` if the stream ends before."""
    received = bytearray()
    while len(received) < count:
        chunk = os.read(stream.reads, min(count - len(received), 1 << 16))
        if not chunk:
            raise Gone
        received += chunk
    return bytes(received)


def send(stream: Stream, frame: list[Any]) -> None:
    """Send a frame; raise `Gone` if the other end is closed, `OverflowError` for a long one."""
    body = json.dumps(frame).encode()
    if len(body) > MAX_FRAME_BYTES:
        raise OverflowError("a value of more than 64 MiB")
    unsent = memoryview(struct.pack("<I", len(body)) + body)
    try:
        while unsent:
            unsent = unsent[os.write(stream.writes, unsent) :]
    except BrokenPipeError:
        raise Gone from None


def streams() -> tuple[Stream, Stream]:
    """Return the two ends of a conversation."""
    there, back = os.pipe(), os.pipe()
    return Stream(there[0], back[1]), Stream(back[0], there[1])


class Wire:
    """Encoding and decoding; objects that are no data go to the side's own `handle` and `held`."""

    def encode(self, value: Any) -> Any:
        """Return a value as JSON that keeps each exact type."""
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -MAX_SAFE_INTEGER < value < MAX_SAFE_INTEGER else ["i", hex(value)]
        if kind is float:
            return ["f", value.hex()]
        if kind in SEQUENCES:
            return [SEQUENCES[kind], [self.encode(item) for item in value]]
        if kind is dict:
            return ["d", [[self.encode(key), self.encode(item)] for key, item in value.items()]]
        return self.encode_rarer(value, kind)

    def encode_rarer(self, value: Any, kind: type) -> Any:
        """Return rare values: bytes, complex numbers, data of the standard library, and handles."""
        if kind is bytes or kind is bytearray:
            return ["b" if kind is bytes else "y", value.hex()]
        if kind is complex:
            return ["c", value.real.hex(), value.imag.hex()]
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in ARGUMENTS and kind is stdlib(name):
            return ["o", name, [self.encode(part) for part in ARGUMENTS[name](value)]]
        return self.handle(value)

    def decode(self, coded: Any) -> Any:
        """Return the value.

        Raises a `ValueError` or a subclass for an invalid one: the sender may send
        anything.
        """
        if not isinstance(coded, list):
            return coded
        tag, *parts = coded
        if tag in SEQUENCE_TYPES:
            return SEQUENCE_TYPES[tag](self.decode(item) for item in parts[0])
        if tag == "d":
            return {self.decode(key): self.decode(item) for key, item in parts[0]}
        if tag == "f":
            return float.fromhex(parts[0])
        if tag == "i":
            return int(parts[0], 16)
        if tag == "c":
            return complex(float.fromhex(parts[0]), float.fromhex(parts[1]))
        if tag in ("b", "y"):
            return (bytes if tag == "b" else bytearray).fromhex(parts[0])
        if tag == "o" and parts[0] in ARGUMENTS:
            return made_again(parts[0], [self.decode(part) for part in parts[1]])
        return self.held(tag, *parts)

    def handle(self, value: Any) -> list[Any] | None:
        """Return the handle of a value that stays on this side."""
        raise NotImplementedError  # each side of the wire has a way of its own

    def held(self, tag: str, *arguments: Any) -> Any:
        """Return the stand-in for a value of the other side, or our value behind its handle."""
        raise NotImplementedError  # each side of the wire has a way of its own


def made_again(name: str, parts: list[Any]) -> Any:
    """Return data of the standard library, without a default that the other side would compute."""
    if name == "collections.defaultdict":
        parts[0] = None
    return stdlib(name)(*parts)


def stdlib(name: str) -> Any:
    """Return a class of the standard library, which is imported if necessary."""
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module) or __import__(module), attribute)
