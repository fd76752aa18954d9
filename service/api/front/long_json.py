"""Parses long JSON texts in steps: a parser would hold the interpreter, and so the event loop.

The strings come out first, each decoded by itself, a long one in pieces. The rest is short: it is
parsed with a stand-in for each string, and then the strings go into their places. The result equals
`pydantic_core.from_json` of the whole text.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic_core import from_json

from assay.verifiers.http.json_structure import Places, unescaped_quotes

#: Bytes. A string that is shorter than its stand-in saves nothing; a piece takes some thousandths
#: of a second.
SHORT, PIECE = 64, 1 << 20
#: Digits in a row. Numbers of thousands cost far more than their bytes; none that anything here
#: reads has as many.
DIGITS = 256


class LongNumberError(ValueError):
    """A number has more digits than any number here."""


def parse_long_json(text: bytes | bytearray, most_strings: int) -> Any:
    """Return the value of a JSON text with at most so many strings.

    Raises ValueError, without a position.
    """
    quotes = unescaped_quotes(text, 2 * most_strings)
    if quotes is None:
        raise ValueError(f"more than {most_strings} strings")
    if len(quotes) % 2:
        raise ValueError("EOF while parsing a string")
    view, mark, strings = memoryview(text), secrets.token_hex(8), dict[str, str]()
    skeleton, at = bytearray(), 0
    for begin, end in _long_strings(quotes):
        stand_in = f"{mark}{len(strings):x}"
        strings[stand_in] = _decoded(view, begin, end)
        skeleton += view[at:begin]
        skeleton += stand_in.encode()
        at = end
    skeleton += view[at:]
    if _has_long_number(skeleton):
        raise LongNumberError(f"a number has {DIGITS} digits or more")
    return _with(strings, _from_json(skeleton))


def _long_strings(quotes: Places) -> Iterator[tuple[int, int]]:
    """Yield where the insides of strings begin and end."""
    pairs = quotes.reshape(-1, 2)
    for begin, end in pairs[pairs[:, 1] - pairs[:, 0] > SHORT].tolist():
        yield begin + 1, end


def _decoded(text: memoryview, begin: int, end: int) -> str:
    """Return the string with this inside."""
    pieces = []
    while begin < end:
        piece = bytes(text[begin : min(end, begin + PIECE)])
        if begin + PIECE < end:
            piece = _whole_characters(piece)
        pieces.append(_from_json(b'"%b"' % piece))
        begin += len(piece)
    return pieces[0] if len(pieces) == 1 else "".join(pieces)


def _whole_characters(piece: bytes) -> bytes:
    """Return a string's piece without an unfinished character, escape or surrogate pair."""
    for back in range(1, 4):
        if piece[-back] >= 0xC0:  # the first byte of a character of several
            piece = piece[:-back]
            break
        if piece[-back] < 0x80:
            break
    if _slashes(piece) % 2:
        piece = piece[:-1]
    place = _escape(piece, 5)
    if place is not None:
        piece = piece[:place]
    place = _escape(piece, 6)
    if place is not None and piece[place + 2 : place + 4].lower() in (b"d8", b"d9", b"da", b"db"):
        piece = piece[:place]
    return piece


def _escape(piece: bytes, longest: int) -> int | None:
    r"""Return where a `\u` begins within the last so many bytes; None without one."""
    place = piece.rfind(rb"\u", len(piece) - longest)
    return place if place >= 0 and _slashes(piece[: place + 1]) % 2 else None


def _slashes(piece: bytes) -> int:
    """Return how many backslashes a piece ends with."""
    return len(piece) - len(piece.rstrip(b"\\"))


def _has_long_number(skeleton: bytearray) -> bool:
    """Return whether an aligned block of the rest is all digits.

    A number twice as long always contains such a block.
    """
    for at in range(0, len(skeleton), PIECE):
        piece = np.frombuffer(
            skeleton, np.uint8, min(PIECE, len(skeleton) - at) // DIGITS * DIGITS, at
        )
        if (
            ((piece - ord("0")) < 10).reshape(-1, DIGITS).all(axis=1).any()
        ):  # bytes below "0" wrap around
            return True
    return False


def _from_json(text: bytes | bytearray) -> Any:
    try:
        return from_json(text)
    except ValueError as exc:  # the place it names is one in the rest
        raise ValueError(str(exc).partition(" at line ")[0]) from None


def _with(strings: dict[str, str], value: Any) -> Any:
    """Return a value with the strings in their places; the parser bounded its depth."""
    if isinstance(value, str):
        return strings.get(value, value)
    if isinstance(value, list):
        return [_with(strings, item) for item in value]
    if isinstance(value, dict):
        return {strings.get(name, name): _with(strings, item) for name, item in value.items()}
    return value
