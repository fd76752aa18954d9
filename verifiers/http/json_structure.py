"""Counts a JSON text's values before it is parsed: numbers cost far more than their bytes.

A text of 32 MiB may be a long text, which is parsed as fast as it is copied, or ten million
numbers, which take gigabytes and seconds. This reads at the speed of memory and keeps one piece at
a time; it does not check the text, which parsers do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]

BLOCK_BYTES = 1 << 18
QUOTE, BACKSLASH = ord('"'), ord("\\")
BEGINS = np.zeros(256, bool)  # bytes that may precede a value
BEGINS[[ord(character) for character in ",[{"]] = True


def more_values_than(most: int, text: bytes | bytearray) -> bool:
    """Return whether a text has more values than `most`, by commas and brackets."""
    if len(text) <= most:
        return False
    pieces = [
        np.frombuffer(text, np.uint8, min(BLOCK_BYTES, len(text) - at), at)
        for at in range(0, len(text), BLOCK_BYTES)
    ]
    if sum(int(np.count_nonzero(BEGINS[piece])) for piece in pieces) <= most:
        return False
    values, inside, escaped = 0, False, False
    for piece in pieces:
        quotes, escaped = _quotes(piece, escaped)
        begins = np.flatnonzero(BEGINS[piece])
        outside = (np.searchsorted(quotes, begins) + inside) % 2 == 0
        values += int(np.count_nonzero(outside))
        if values > most:
            return True
        inside = bool((len(quotes) + inside) % 2)
    return False


def unescaped_quotes(text: bytes | bytearray, most: int) -> Places | None:
    """Return where strings begin and end, in turn; None with more than so many places."""
    places, escaped, count = list[Places](), False, 0
    for at in range(0, len(text), BLOCK_BYTES):
        quotes, escaped = _quotes(
            np.frombuffer(text, np.uint8, min(BLOCK_BYTES, len(text) - at), at), escaped
        )
        count += len(quotes)
        if count > most:
            return None
        places.append(quotes + at)
    return np.concatenate(places) if places else np.zeros(0, np.intp)


def _quotes(piece: Bytes, escaped: bool) -> tuple[Places, bool]:
    """Return where strings begin and end, and whether the first byte after the piece is escaped.

    `escaped` states the same of the piece's first byte.
    """
    quotes = np.flatnonzero(piece == QUOTE)
    slashes = np.flatnonzero(piece == BACKSLASH)
    after = np.zeros(len(piece) + 1, bool)  # escaped: it follows an odd number of backslashes
    after[0] = escaped
    if len(slashes):
        first = np.flatnonzero(np.diff(slashes, prepend=-2) > 1)
        starts, ends = slashes[first], slashes[np.append(first[1:], len(slashes)) - 1] + 1
        lengths = ends - starts + (escaped & (starts == 0))
        after[0] &= bool(starts[0] != 0)
        after[ends] = lengths % 2 == 1
    return quotes[~after[quotes]], bool(after[-1])
