"""Lists that Python or numpy printed into a cell: `['a', 'b']`, and `['a' 'b']` without commas."""

from __future__ import annotations

import ast
import re
from typing import Any

#: Characters of a list that is no JSON: Python's parser needs far more memory than its text.
LONGEST_LISTED = 1 << 20
AS_JSON = "write the column as JSON, such as df[column].map(lambda v: json.dumps(list(v)))"
_PIECE = re.compile(r"\s+|[^\s'\"\[\](){},:]+|.", re.DOTALL)
_STRING_STOP = re.compile(r"['\"\\]")
_NUMBER = re.compile(r"[-+]?[0-9.][0-9.eE+-]*")
_WORDS = frozenset(("True", "False", "None", "nan"))
_PREFIXES = frozenset("ubUB")
_CLOSING = {"[": "]", "(": ")", "{": "}"}


class PrintedListError(ValueError):
    """A list was printed in a form that does not show for certain what it holds."""


def printed_value(text: str) -> Any:
    """Return what a printed list or object holds; a text that is none stays as it is.

    Elements of a list without commas are read one by one. Raises `PrintedListError` where they
    are not certain.
    """
    scan = _Scan(text)
    if not scan.is_whole():
        return text
    if scan.problem and text[0] == "[":
        raise PrintedListError(scan.problem)
    try:
        return text if scan.problem else ast.literal_eval("".join(scan.written))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


class _Level:
    """A bracket that is open; `called`: it holds what a function of numpy takes."""

    def __init__(self, opening: str, called: bool) -> None:
        self.opening, self.called = opening, called
        self.blanks = self.commas = False


class _Scan:
    """One pass over a text: Python's source of it, with commas where numpy prints none."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._levels: list[_Level] = []
        self._after_value = self._after_blank = False
        self._name = ""  # the bare word that was just read
        self.written: list[str] = []
        self.problem = ""

    def is_whole(self) -> bool:
        """Read the text; return whether all of it is one list or object."""
        text = self._text
        while self._at < len(text):
            piece = self._piece()
            if piece is None or not (self._levels or not self.written or piece.isspace()):
                return False
            if not self._take(piece):
                return False
        return not self._levels

    def _piece(self) -> str | None:
        """Return the next piece; None for a string without an end."""
        text, start = self._text, self._at
        if text[start] not in "'\"":
            match = _PIECE.match(text, start)
            self._at = start + 1 if match is None else match.end()
            return text[start : self._at]
        place = start + 1
        while (stop := _STRING_STOP.search(text, place)) is not None:
            if stop[0] == text[start]:
                self._at = stop.end()
                return text[start : self._at]
            place = stop.end() + (stop[0] == "\\")
        return None

    def _take(self, piece: str) -> bool:
        """Take a piece; return whether a list may go on so."""
        if piece.isspace():
            self._after_blank = True
            return True
        if piece in "])}":
            if not self._levels or _CLOSING[self._levels[-1].opening] != piece:
                return False
            self._close(self._levels.pop())
            self._ends_value(piece)
        elif piece in ",:":
            self._levels[-1].commas |= piece == ","
            self.written.append(piece)
            self._after_value, self._name = False, ""
        else:
            return self._begin(piece)
        self._after_blank = False
        return True

    def _begin(self, piece: str) -> bool:
        """Take what begins a value."""
        called = bool(self._levels) and self._levels[-1].called
        if self._after_value:
            called |= self._follows(piece)
        if piece in _CLOSING:
            self._levels.append(_Level(piece, called))
            self.written.append(piece)
            self._after_value, self._name = False, ""
        elif not self._levels:
            return False
        elif piece[0] in "'\"":
            self._ends_value(piece)
        else:
            if not (called or _is_bare(piece)):
                return False
            if piece == "...":
                self.problem = "numpy left elements out, where it prints `...`"
            self._ends_value("None" if piece == "nan" else piece)
            self._name = piece
        self._after_blank = False
        return True

    def _follows(self, piece: str) -> bool:
        """Note what a value means behind another; return whether it is what numpy's `(` takes."""
        level = self._levels[-1]
        if level.called:
            return True
        if not self._after_blank and piece == "(" and _is_of_numpy(self._name):
            self.problem = self.problem or f"numpy printed {self._name}(…) in it"
            return True
        if not self._after_blank and self._name in _PREFIXES and piece[0] in "'\"":
            return False
        if level.opening == "[" and self._after_blank and not _is_of_numpy(self._name):
            level.blanks = True
            self.written.append(",")
        else:
            self.problem = self.problem or "two values stand side by side in it without a comma"
        return False

    def _ends_value(self, piece: str) -> None:
        self.written.append(piece)
        self._after_value, self._name = True, ""

    def _close(self, level: _Level) -> None:
        if level.blanks and level.commas:
            self.problem = self.problem or "commas separate some of its values, and not others"


def _is_bare(piece: str) -> bool:
    words = piece in _WORDS or piece in _PREFIXES or piece == "..." or _is_of_numpy(piece)
    return words or _NUMBER.fullmatch(piece) is not None


def _is_of_numpy(name: str) -> bool:
    return name in ("array", "list") or name.startswith(("np.", "numpy."))
