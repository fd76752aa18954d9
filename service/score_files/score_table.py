"""A table of scores, and the rules for a file's columns to become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.domain.errors import StartupError
from assay.service.score_files.columns.understood_table import UnderstoodTable

#: Columns that are carried along, as they are.
CARRIED_COLUMNS = ("key", "candidate", "index", "text", "answer")
NUMBER_KINDS = "fiub"  # kinds of numpy's


class TableError(StartupError):
    """A file is no table of scores, or lacks a needed part."""


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Raw scores, shape (rows, verifiers), NaN where missing, with the file's other columns.

    `query_id` is equal where the queries are the same; `own_ids` are the ids as the file has them.
    `random_stated`: whether `random` states something of any row; `answers`, `texts`: the final
    answer and the text of each candidate, None where missing; None without such a column.
    """

    scores: npt.NDArray[Any]
    query_id: npt.NDArray[Any]
    names: tuple[str, ...]
    labels: npt.NDArray[Any] | None
    random: npt.NDArray[np.bool_] | None
    families: Mapping[str, str]
    quality: Mapping[str, float | str]
    own_ids: Sequence[Any] | npt.NDArray[Any]
    understood: UnderstoodTable
    carried: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    random_stated: bool = False
    answers: npt.NDArray[np.object_] | None = None
    texts: npt.NDArray[np.object_] | None = None

    def columns(self, names: Sequence[str]) -> npt.NDArray[Any]:
        """Return the scores in another order of the same verifiers."""
        return (
            self.scores
            if tuple(names) == self.names
            else self.scores[:, [self.names.index(name) for name in names]]
        )


def score_table(path: Path, data: Mapping[str, Any], labels: bool) -> ScoreTable:
    """Return the table that a file's columns make; raise `TableError` where they make none."""
    names = tuple(str(name) for name in decoded(data["verifier_names"]))
    scores, ids = np.asarray(data["scores"]), data["query_id"]
    query_id = ids.keys
    if scores.ndim != 2 or scores.shape[1] != len(names):
        raise TableError(
            f"{path}: `scores` has the shape {scores.shape}, but there are {len(names)} verifier"
            " names"
        )
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise TableError(f"{path}: two verifiers are called {doubled[0]!r}; names must differ")
    if scores.dtype.kind not in NUMBER_KINDS:
        raise TableError(f"{path}: `scores` must be numbers; they are {scores.dtype}")
    _a_row_each(path, "query_id", query_id, len(scores))
    families = (
        dict(zip(names, map(str, decoded(data["verifier_family"])), strict=True))
        if "verifier_family" in data
        else {}
    )
    quality = (
        dict(zip(names, data["verifier_quality"], strict=True))
        if "verifier_quality" in data
        else {}
    )
    label_values = data.get("labels") if labels else None
    if label_values is not None:
        _a_row_each(path, "labels", np.asarray(label_values), len(scores))
    stated = data.get("label_random") if labels else None
    return ScoreTable(
        scores=scores,
        query_id=query_id,
        names=names,
        labels=None if label_values is None else np.asarray(label_values),
        random=None if stated is None else _flags(path, stated, len(scores)),
        families={name: family for name, family in families.items() if family},
        quality={name: value for name, value in quality.items() if not _unstated(value)},
        random_stated=stated is not None and not all(map(_unstated, np.asarray(stated, object))),
        answers=_texts(path, "answer", data.get("answer"), len(scores)),
        texts=_texts(path, "text", data.get("text"), len(scores)),
        own_ids=ids.own,
        understood=data.get("understood") or UnderstoodTable(names),
        carried={name: data[name] for name in CARRIED_COLUMNS if name in data},
    )


def _texts(path: Path, name: str, values: Any, rows: int) -> npt.NDArray[np.object_] | None:
    """Return a column as texts, None where missing; None without the column.

    A whole number is the text of its digits, also where gaps in the column made it a float.
    """
    if values is None:
        return None
    column = np.asarray(values)
    column = decoded(column) if column.dtype.kind == "S" else column
    _a_row_each(path, name, column, rows)
    texts = np.empty(rows, object)
    for row, value in enumerate(column.tolist()):
        whole = isinstance(value, float) and value.is_integer()
        texts[row] = None if _unstated(value) else str(int(value) if whole else value)
    return texts


def _flags(path: Path, values: Any, rows: int) -> npt.NDArray[np.bool_]:
    """Return which labels are of candidates that were drawn at random; a missing value: not stated.

    What is not stated counts as not random.
    """
    column = np.asarray(values, object)
    _a_row_each(path, "label_random", column, rows)
    for row, value in enumerate(column.tolist()):
        if value is not None and value == value and value not in (0, 1):
            raise TableError(
                f"{path}: `label_random` (or `random` beside labels): row {row} has"
                f" {str(value)[:40]!r}; must be true or false, or null where it is not known"
            )
    return np.array([value == 1 for value in column.tolist()], bool)


def _a_row_each(path: Path, name: str, values: npt.NDArray[Any], rows: int) -> None:
    if values.shape != (rows,):
        raise TableError(f"{path}: `{name}` has the shape {values.shape}; there are {rows} rows")


def decoded(values: Any) -> Any:
    """Return strings for bytes and objects."""
    array = np.asarray(values)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array.astype(str) if array.dtype.kind == "O" else array


def _unstated(value: Any) -> bool:
    return value is None or value == "" or value != value
