"""Rows of labels from rows of any names: a label a row, or rankings with labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.service.api.label_requests import LabelIn
from assay.service.domain.errors import StartupError
from assay.service.importers.recognition import converted
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.field_values import (
    RowFieldError,
    answer_of,
    field_refusal,
    is_conversation,
    label_from,
    messages_read,
    unpacked_cell,
)
from assay.service.row_files.known_names import (
    CHOSEN,
    LABEL_NAMES_BY_FIELD,
    REJECTED,
    candidates_for,
)
from assay.service.row_files.rankings import read_ranking
from assay.service.row_files.reading import NumberedRow, RowFile, valid_rows
from assay.service.row_files.understood import Understood
from assay.service.score_files.columns.cells import is_missing

#: What `assay labels export` writes beside the fields of a label; it is not read.
LABEL_EXTRAS = frozenset({"matched"})
LABEL_FIELDS = tuple(LabelIn.model_fields)
#: Columns of `assay export`, whatever its format.
_OF_AN_EXPORT = frozenset({"prompt", "model_version"})
_TEXTS = ("query", "messages", "candidate", "reference", "tests")


def rows_of_labels(
    file: Path, opened: RowFile, columns: ColumnMap, understood: Understood
) -> Iterator[NumberedRow]:
    """Yield the labels of a file, under the names that a label's fields have.

    Also of another tool's file, and of rankings: their `labels`, or a chosen and a rejected answer.
    A column that no field has is left out, and `understood` names it. Raises `StartupError` for a
    row that cannot be read, with its place.
    """
    understood.form = opened.form.title()
    importer_rows = converted(
        valid_rows(file, opened.rows), "labels", file=str(file), columns=columns
    )
    understood.tool = importer_rows.title
    of_columns = understood
    if importer_rows.title is not None:
        columns, of_columns = ColumnMap(), Understood()  # its rows have our names by now
    check_label_map(columns)
    for line, row in importer_rows.rows:
        try:
            rows = list(labels_of_row(row, columns, of_columns))
        except RowFieldError as exc:
            raise StartupError(f"{file}:{line}: {exc}") from None
        for label in rows:
            yield line, label
    for column, reason in opened.left_out.items():
        understood.leave_out(column, reason)
    for name, column in importer_rows.understood.items():
        understood.take(name, column)
    for reason, count in importer_rows.skipped.items():
        understood.note(f"{count} {reason} gave no label")
    for reason, count in importer_rows.unlabelled.items():
        understood.note(f"without a label: {count} {reason}")


def labelled_rows(
    file: Path, rows: Iterator[NumberedRow], understood: Understood
) -> Iterator[NumberedRow]:
    """Yield the rows that have a label; `understood` counts the others.

    Raises `StartupError` where no column holds labels.
    """
    unlabelled: list[int] = []
    for line, label in rows:
        if _is_unlabelled(label.get("correct")):
            unlabelled.append(line)
        else:
            yield line, label
    if unlabelled and "correct" not in understood.columns:
        raise StartupError(
            f"{file}:{unlabelled[0]}: correct: is missing; a column of another name takes --map"
            " correct=COLUMN"
        )
    if unlabelled:
        understood.note(
            f"{len(unlabelled)} rows are not labelled and left out (the first is {unlabelled[0]})"
        )


def _is_unlabelled(correct: Any) -> bool:
    """Return whether the cell of a label has none: null, NaN, or a text that stands for it."""
    if isinstance(correct, str):
        return is_missing(correct)
    return correct is None or correct != correct


def check_label_map(columns: ColumnMap) -> None:
    """Raise `StartupError` for a map of a field that no label has."""
    for name in columns:
        if name not in LABEL_FIELDS:
            raise StartupError(
                f"--map: a label has no field {name!r}; there are {', '.join(LABEL_FIELDS)}"
            )


def labels_of_row(
    row: Mapping[str, Any], columns: ColumnMap, understood: Understood
) -> Iterator[dict[str, Any]]:
    """Yield the labels of a row under the names of a label's fields: its own, or those of a
    ranking's candidates.

    Raises `RowFieldError` for a field that cannot be read, and for training data of ours.
    """
    if row.keys() >= _OF_AN_EXPORT:
        raise RowFieldError(
            "is training data that a model chose: its labels are the model's, and would teach it"
            " its own mistakes. `assay labels export` writes people's labels"
        )
    is_pair = {CHOSEN, REJECTED} <= row.keys()
    # Candidates have other names in others' files; a list of labels is of several.
    is_ranking = "candidates" in row or is_pair or isinstance(row.get("labels"), list)
    key = row.get("key")
    # Results of ours have the key of the query.
    named = "candidate" in row or (key is not None and not ("candidates" in row and _is_query(key)))
    if is_ranking and not named and not {"candidate", "key"} & columns.columns.keys():
        yield from _of_ranking(row, columns, understood)
    else:
        yield named_label(row, columns, understood)


def _is_query(key: Any) -> bool:
    """Return whether a key is a query's, and not a candidate's."""
    return isinstance(key, str) and ":" not in key


def _of_ranking(
    row: Mapping[str, Any], columns: ColumnMap, understood: Understood
) -> Iterator[dict[str, Any]]:
    """Yield the labels of a ranking's candidates."""
    ranking = read_ranking(row, columns, understood)
    labels = ranking.get("labels")
    if not isinstance(labels, list) or len(labels) != len(ranking["candidates"]):
        problem = f"must have a value for each of {len(ranking['candidates'])} candidates"
        raise field_refusal("labels", problem, "null" if labels is None else labels)
    shared = {name: ranking[name] for name in _TEXTS if name in ranking}
    for candidate, label in zip(ranking["candidates"], labels, strict=True):
        text = candidate if isinstance(candidate, str) else candidate["text"]
        if label not in (None, -1):
            yield {**shared, "candidate": text, "correct": label}


def named_label(
    row: Mapping[str, Any], columns: ColumnMap, understood: Understood
) -> dict[str, Any]:
    """Return a row under the names of a label's fields; columns that no field has are left out."""
    fields: dict[str, Any] = {}
    used = set(LABEL_EXTRAS)
    by_key = row.get(columns.columns.get("key", "key")) is not None
    for name in LABEL_FIELDS:
        column = _column(name, row, columns, by_key, understood)
        if not column:
            continue
        value = columns.read(row, name) if name in columns.columns else row[column]
        used.add(column)
        understood.take(name, column)
        if value is not None:
            fields.update(_field(name, column, value, stated=column == name))
    for column in row:
        if column not in used:
            understood.leave_out(column, "no field of a label")
    return fields


def _column(
    name: str, row: Mapping[str, Any], columns: ColumnMap, by_key: bool, understood: Understood
) -> str:
    """Return the column of a field, empty without one; of several no one is chosen."""
    if name in columns.columns:
        return columns.columns[name]
    if name == "messages" and {"query", *LABEL_NAMES_BY_FIELD["query"][0]} & row.keys():
        return name if name in row else ""
    if by_key and name in _TEXTS and name not in row:
        return ""  # a key names the candidate
    names, _ = candidates_for(name, LABEL_NAMES_BY_FIELD, row)
    taken = set(columns.columns.values())
    names = [column for column in names if column not in taken]
    if len(names) < 2:
        return names[0] if names else ""
    likely = ", ".join(map(repr, names[:-1])) + f" and {names[-1]!r}"
    problem = f"{likely} could each be this field: choose by --map {name}={names[0]}"
    if name in ("query", "candidate", "correct"):
        raise field_refusal(name, problem)
    understood.note(f"{name}: {problem}")
    return ""


def _field(name: str, column: str, value: Any, stated: bool) -> dict[str, Any]:
    """Return a field in the API's form; `stated`: its column has its own name."""
    if name in ("query", "messages"):
        unpacked = unpacked_cell(column, value)
        if is_conversation(unpacked):
            return {"messages": messages_read(column, unpacked)}
    if stated:
        return {name: value}
    if name == "candidate":
        answer = answer_of(value)
        if answer is None:
            raise field_refusal(column, "must be a text", value)
        return {name: answer}
    if name == "correct":
        unlabelled = isinstance(value, str) and is_missing(value)
        return {name: None if unlabelled else label_from(column, value)}
    if name == "who" and isinstance(value, int) and not isinstance(value, bool):
        return {name: str(value)}
    return {name: value}
