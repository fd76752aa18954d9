"""The ids of queries: kept as they are, and compared by value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.id_doubts import EXACT_WHOLE, MISSING_IDS, id_doubts

#: A longer id is compared by its hash: numpy gives each of a column's texts the longest one's size.
LONGEST_KEY = 100
#: JSON's reader makes a float of a whole number beyond 64 bits.
BEYOND_64_BITS = 2.0**63


@dataclass(frozen=True, slots=True)
class QueryIds:
    """The query ids of a table's rows.

    `keys` are equal where the ids are; `own` are the ids as the file has them; `note` says where
    ids of two types count as one, or where ids seem to be lost.
    """

    keys: npt.NDArray[Any]
    own: Sequence[Any] | npt.NDArray[Any]
    note: str = ""

    @classmethod
    def of(
        cls,
        values: Any,
        place: Callable[[int], str] = "row {}".format,
        column: str = "query_id",
    ) -> QueryIds:
        """Read a column of ids; raise `ValueError` for a row without one, or with no plain value.

        A number and a text that read alike (1 and "1") are one id, which `note` says; it warns of
        ids that seem to be lost. Texts such as `nan` and `None` are no ids.
        """
        ids = cls._read(values, place, column)
        if ids.keys.ndim != 1:
            return ids
        doubts = id_doubts(ids.own, ids.keys, place)
        return replace(ids, note="; ".join(filter(None, (ids.note, *doubts))))

    @classmethod
    def _read(cls, values: Any, place: Callable[[int], str], column: str) -> QueryIds:
        if isinstance(values, np.ndarray) and values.ndim != 1:
            return cls(values, values)  # whoever checks the shapes refuses it
        if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
            return cls(values, values)
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            return cls._of_floats(values, place, column)
        own = list(values.tolist() if isinstance(values, np.ndarray) else values)
        plain = set(map(type, own)) <= {str, int} and "" not in own
        if not plain or not MISSING_IDS.isdisjoint(own):
            for row, value in enumerate(own):
                if not isinstance(value, (str, int)) or value == "" or value in MISSING_IDS:
                    own[row] = _checked(value, place(row), column)
        return cls(*_keys_of(own), _mixed_note(own))

    def by_content(self, hashes: Sequence[str | None]) -> QueryIds:
        """Return the same ids, equal where the queries' texts are, by the hash of each row's query.

        Rows without a hash are compared by their ids.
        """
        if not any(hashes):
            return self
        keys = [
            key_text(own) if of_query is None else of_query
            for own, of_query in zip(_listed(self.own), hashes, strict=True)
        ]
        return QueryIds(
            np.array(keys, str),
            self.own,
            "; ".join(filter(None, (self.note, _apart_note(_listed(self.own), keys)))),
        )

    def repeated(self, rows: npt.NDArray[np.int64]) -> QueryIds:
        """Return the ids of rows that each belong to one of these."""
        own = _listed(self.own)
        return QueryIds(self.keys[rows], [own[row] for row in rows.tolist()], self.note)

    @classmethod
    def _of_floats(
        cls, values: npt.NDArray[Any], place: Callable[[int], str], column: str
    ) -> QueryIds:
        if len(without := np.flatnonzero(np.isnan(values))):
            raise _missing(column, place(int(without[0])), "NaN")
        whole = bool((np.abs(values) < EXACT_WHOLE).all() and (values == np.floor(values)).all())
        return cls(values.astype(np.int64) if whole else values, values)


def _keys_of(own: list[Any]) -> tuple[npt.NDArray[Any], Any]:
    kinds = set(map(type, own))
    if kinds == {int}:
        try:
            exact = np.array(own, np.int64)
        except OverflowError:  # numpy would make floats of them
            pass
        else:
            return exact, exact
    texts = own if kinds == {str} else [key_text(value) for value in own]
    distinct = set(texts)
    if max(map(len, distinct), default=0) > LONGEST_KEY or any("\0" in text for text in distinct):
        texts = [_short(text) for text in texts]
    return np.array(texts, str), own


def _short(text: str) -> str:
    """Return a text, or the hash of one that numpy would not keep, or not in little room."""
    if len(text) <= LONGEST_KEY and not text.endswith("\0"):
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def key_text(value: Any) -> str:
    """Return an id as text: whole numbers read alike, whatever their type."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _checked(value: Any, place: str, column: str) -> Any:
    """Return an id that is neither text nor integer as it is kept; raise `ValueError` for none."""
    if value is None or value != value or (isinstance(value, str) and _is_no_id(value)):
        raise _missing(column, place, "" if value is None else str(value))
    if isinstance(value, float):
        return value
    if isinstance(value, bytes):
        return _text_of_bytes(value)
    if isinstance(value, (list, dict)):
        raise ValueError(f"{column}: {place} has {str(value)[:40]!r}: an id is a text or a number")
    return str(value)


def _is_no_id(text: str) -> bool:
    return text == "" or text in MISSING_IDS


def _text_of_bytes(value: bytes) -> str:
    """Return bytes as the text that they are, else as a UUID or in hex."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text:
        return text
    return str(UUID(bytes=value)) if len(value) == 16 else value.hex()


def _missing(column: str, place: str, shown: str) -> ValueError:
    return ValueError(
        f"{column}: {place} has none{f' ({shown})' if shown else ''}: give every row the"
        " id of its query"
    )


def _mixed_note(own: Sequence[Any]) -> str:
    """Return a note where ids of two types read alike, and so count as one."""
    kinds = set(map(type, own))
    if len(kinds) < 2:
        return ""
    types: dict[str, type] = {}
    alike = [
        value for value in own if types.setdefault(key_text(value), type(value)) is not type(value)
    ]
    if not alike:
        return ""
    return (
        f"query ids stand in several types, such as {key_text(alike[0])[:40]!r}: equal ones count"
        " as one query, whether text or number"
    )


def _listed(values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _apart_note(own: Sequence[Any], keys: Sequence[str]) -> str:
    """Return a note where one id stands for several queries, or one query has several ids."""
    first_key: dict[str, str] = {}
    first_id: dict[str, str] = {}
    notes = []
    for value, key in zip(own, keys, strict=True):
        shown = key_text(value)
        if first_key.setdefault(shown, key) != key:
            notes.append(f"id {shown[:40]!r} stands for several queries: they count apart")
        if first_id.setdefault(key, shown) != shown:
            notes.append(
                f"ids {first_id[key][:40]!r} and {shown[:40]!r} are of the same query: they count"
                " as one"
            )
    more = len(set(notes)) - 1
    return "" if not notes else notes[0] + (f" (and {more} more)" if more > 0 else "")
