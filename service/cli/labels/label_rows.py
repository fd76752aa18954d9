"""A row of a file of labels, checked as the service checks it, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from assay.service.api.errors import invalid
from assay.service.api.label_requests import LabelIn
from assay.service.cli.labels.label_columns import LABEL_EXTRAS, LABEL_FIELDS
from assay.service.domain.errors import StartupError
from assay.service.domain.labels import MOST_ANNOTATORS
from assay.service.row_files.reading import NumberedRow
from assay.service.score_files.columns.cells import is_missing

#: The remedy for a candidate's place in its query.
BY_TEXT = (
    "name the candidate by its text, with `query`, or by `key`; a file with query_id and the"
    " candidate's place is one for `assay compare --labels`"
)
FLAGS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label as it is sent, its line, the candidate that it names, and its annotator (None:
    unnamed).
    """

    line: int
    body: dict[str, Any]
    key: str
    correct: float
    who: str | None


def checked_rows(
    file: Path, rows: Iterable[NumberedRow], of_texts: bool, random: bool | None
) -> list[LabelRow]:
    """Return a file's labels; `random` is stated for rows that do not state it, and `of_texts`
    where all values are texts.

    Raises `StartupError` for the first row that is wrong, with its line, for two rows of one
    candidate and one annotator that contradict each other, and for too many annotators of one.
    """
    seen: dict[tuple[Any, ...], LabelRow] = {}
    annotators: dict[str, set[str | None]] = {}
    checked = []
    for line, row in rows:
        body = row_body(file, line, row, of_texts)
        if random is not None:
            body.setdefault("random", random)
        label = _checked(file, line, body)
        _refuse_conflict(file, label, seen)
        annotators.setdefault(label.key, set()).add(label.who)
        if len(annotators[label.key]) > MOST_ANNOTATORS:
            raise StartupError(
                f"{file}:{line}: who: the candidate has labels of more than {MOST_ANNOTATORS}"
                f" annotators in this file (got {label.who!r}): leave some out"
            )
        checked.append(label)
    return checked


def _refuse_conflict(file: Path, label: LabelRow, seen: dict[tuple[Any, ...], LabelRow]) -> None:
    """Raise `StartupError` for a row that contradicts another one.

    An annotator may change a label, where both rows have their time.
    """
    annotator, at = (label.key, label.who), label.body.get("at")
    first = seen.setdefault(annotator, label)
    others = [seen.setdefault((*annotator, at), label), seen.get((*annotator, None))]
    for other in [*others, *([first] if at is None else [])]:
        if other is not None and other.correct != label.correct:
            raise StartupError(
                f"{file}:{label.line}: correct is {label.correct:g}, and on line {other.line} the"
                f" same annotator calls the same candidate {other.correct:g}: keep one of them,"
                " name the annotators (`who`), or give both a time (`at`)"
            )


def row_body(file: Path, line: int, row: dict[str, Any], of_texts: bool) -> dict[str, Any]:
    """Return a row's fields in the API's form.

    Raises `StartupError` for a field that no label has, or a cell that cannot be read.
    """
    body = {
        name: value for name, value in row.items() if value is not None and name not in LABEL_EXTRAS
    }
    if unknown := [name for name in body if name not in LABEL_FIELDS]:
        raise StartupError(
            f"{file}:{line}: a label has no field {unknown[0][:40]!r}; there are"
            f" {', '.join(LABEL_FIELDS)}"
        )
    if of_texts:
        if "key" not in body and {"query", "messages"} & body.keys():
            body.setdefault("candidate", "")  # an empty answer is an empty cell
        for name in LABEL_CELLS.keys() & body.keys():
            if isinstance(body[name], str):  # another tool's are values already
                body[name] = _of_cell(file, line, name, body[name])
    if "random" in body:
        body |= _random(file, line, body.pop("random"))
    if "at" in body:
        body["at"] = _time(file, line, body["at"])
    return body


def _random(file: Path, line: int, value: Any) -> dict[str, bool]:
    """Return `random` where a value states it; pandas writes 1.0, 0.0 and NaN beside gaps."""
    word = str(value).strip().lower()
    if is_missing(word):
        return {}
    flag = FLAGS.get(word.removesuffix(".0"))
    if flag is None:
        raise StartupError(
            f"{file}:{line}: random: must be true or false, 1 or 0, or empty (got {word[:40]!r})"
        )
    return {"random": flag}


def _checked(file: Path, line: int, body: dict[str, Any]) -> LabelRow:
    if "correct" not in body:
        raise StartupError(
            f"{file}:{line}: correct: is missing; a column of another name takes"
            " --map correct=COLUMN"
        )
    try:
        orjson.dumps(body)
        label = LabelIn.model_validate(body)
    except TypeError as exc:
        raise StartupError(f"{file}:{line}: cannot be sent as JSON: {exc}") from None
    except ValidationError as exc:
        place = isinstance(body.get("candidate"), (int, float))
        remedy = f": {BY_TEXT}" if place else ""
        raise StartupError(f"{file}:{line}: {invalid(exc)}{remedy}") from None
    return LabelRow(line, body, label.candidate_key(), label.correct, label.who or None)


def _of_cell(file: Path, line: int, name: str, cell: Any) -> Any:
    try:
        return LABEL_CELLS[name](cell)
    except (ValueError, KeyError):
        raise StartupError(
            f"{file}:{line}: {name}: cannot be read (got {str(cell)[:40]!r})"
        ) from None


def _share(cell: str | float) -> float:
    if not isinstance(cell, str):  # a label of another column is read already
        return cell
    word = cell.strip().lower()
    return float(FLAGS[word]) if word in FLAGS else float(word)


#: How cells of CSV become values; others are texts. Raises `ValueError` or `KeyError`.
LABEL_CELLS: dict[str, Callable[[Any], Any]] = {
    "correct": _share,
    "messages": lambda cell: cell if isinstance(cell, list) else orjson.loads(cell),
    "tests": lambda cell: cell if isinstance(cell, list) else orjson.loads(cell),
}


def _time(file: Path, line: int, value: Any) -> Any:
    """Return a time in seconds since 1970; it may be a date's text, or a date of Parquet."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise StartupError(
                f"{file}:{line}: at: must be seconds since 1970, or a time such as"
                f" 2026-01-31T12:00:00Z (got {value[:40]!r})"
            ) from None
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise StartupError(
            f"{file}:{line}: `at` has no time zone ({value}): give it one, or write seconds since"
            " 1970"
        )
    return value.timestamp()
