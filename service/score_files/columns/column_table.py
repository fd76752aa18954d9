"""A file's columns as the parts of a score table, with what was understood of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.column_names import TABLE_FIELDS, is_label_name
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.label_columns import label_column, labels_in
from assay.service.score_files.columns.label_copies import check_copies, copy_warnings
from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.columns.repeated_rows import repeated_rows
from assay.service.score_files.columns.scores_columns import stated_scores
from assay.service.score_files.columns.understood_table import UnderstoodTable
from assay.service.score_files.columns.wide_table import (
    LABELS_UNREAD,
    WideTable,
    sorted_columns,
    stated_columns,
)
from assay.service.score_files.score_table import CARRIED_COLUMNS, TableError, decoded

#: How a path into the column `scores` begins.
WITHIN_SCORES = "scores."
ID_NAMES = ("question_id", "prompt_id", "problem_id", "qid", "doc_id", "example_id", "item_id")


def table_parts(
    file: FileColumns,
    reading: TableReading,
    tool: str | None = None,
    note: str = "",
    stated: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the parts of a score table by name; raise `TableError` where a file has not all.

    `stated`: the scores with their `verifier_names`, where the file has them apart.
    """
    columns = _with_fields(file, reading)
    query_column = reading.fields.get("query_id", "query_id")
    if "query_id" not in columns.values:
        raise TableError(f"{file.path}: has no `query_id`; {file.listed()}. {_id_hint(file)}")
    ids = columns.values["query_id"]
    is_plain = not isinstance(ids, QueryIds)  # rows of rankings may be of one query asked twice
    if is_plain:
        ids = QueryIds.of(ids, columns.place, query_column)
    labelled = label_column(columns) if reading.labels else None
    parts: dict[str, Any] = {"query_id": ids}
    if labelled is not None:
        parts["labels"] = labels_in(columns, labelled)
        columns = replace(columns, used=columns.used | {labelled})
        if (random := _random_column(columns)) is not None:
            parts["label_random"] = columns.values[random]
    parts |= {name: columns.values[name] for name in CARRIED_COLUMNS if name in columns.values}
    if stated is not None:
        scores, understood = _apart(columns, reading, stated)
    else:
        scores, understood = _scores(columns, reading, ids, parts.get("labels"))
    table = {**parts, **scores}
    repeated = None
    if is_plain and not reading.only_expected:  # a prediction has all rows of its file
        repeated = repeated_rows(columns, ids, scores["scores"], parts.get("labels"))
    if repeated is not None:
        table = repeated.taken_out(table, len(ids.keys))
    of_rows = "" if repeated is None else repeated.note
    notes = (*understood.notes, *(text for text in (note, ids.note, of_rows) if text))
    fields = reading.fields
    return {
        **table,
        "understood": replace(
            understood,
            query_id=query_column,
            candidate=fields.get("candidate", "candidate" if "candidate" in parts else None),
            labels=fields.get("label", labelled) if reading.labels else None,
            tool=tool,
            notes=notes,
        ),
    }


def _with_fields(file: FileColumns, reading: TableReading) -> FileColumns:
    """Return the columns with those of `--map` under the names of their fields."""
    fields = reading.fields
    values = dict(file.values)
    values |= {
        name: file.named(column, f"--map {name}={column}") for name, column in fields.items()
    }
    if "label" in fields:
        values.pop("labels", None)
    used = frozenset(column for name, column in fields.items() if column != name)
    if _random_column(file) == "random":
        used |= {"random"}
    return replace(file, values=values, used=file.used | used)


def _random_column(columns: FileColumns) -> str | None:
    """Return the column that says which labels are of candidates drawn at random.

    Beside labels, `random` is one.
    """
    if "label_random" in columns.values:
        return "label_random"
    beside_labels = any(is_label_name(name) for name in columns.values)
    return "random" if beside_labels and "random" in columns.values else None


def _scores(
    columns: FileColumns,
    reading: TableReading,
    ids: QueryIds,
    labels: npt.NDArray[np.float64] | None,
) -> tuple[dict[str, Any], UnderstoodTable]:
    of_columns = {name for name in reading.verifiers.values() if not name.startswith(WITHIN_SCORES)}
    if "scores" in columns.values and not columns.values.keys() & of_columns:
        return _stated(columns, reading)
    if reading.verifiers:
        table = stated_columns(columns, reading.verifiers)
    else:
        table = sorted_columns(columns, reading, ids.keys)
        check_copies(columns, table.verifiers, labels, table.guessed)
    if not table.verifiers:
        raise TableError(_without_verifiers(columns, reading, table))
    parts = {
        "scores": np.column_stack(list(table.verifiers.values())),
        "verifier_names": list(table.verifiers),
    }
    left_out = {**_unread_labels(columns, reading), **table.left_out}
    return parts, UnderstoodTable(
        tuple(table.verifiers),
        left_out=left_out,
        missing=table.missing,
        notes=tuple(copy_warnings(columns, table.verifiers, table.guessed)),
    )


def _apart(
    columns: FileColumns, reading: TableReading, stated: Mapping[str, Any]
) -> tuple[dict[str, Any], UnderstoodTable]:
    """Return scores that the file has apart from its columns."""
    names = tuple(str(name) for name in decoded(stated["verifier_names"]))
    scores = dict(stated)
    if reading.verifiers:
        if unknown := [name for name in reading.verifiers.values() if name not in names]:
            raise TableError(
                f"{columns.path}: --map: no verifier is called {unknown[0]!r}; there are"
                f" {', '.join(names[:40])}"
            )
        places = [names.index(name) for name in reading.verifiers.values()]
        names = tuple(reading.verifiers)
        scores = {name: np.asarray(values)[..., places] for name, values in stated.items()}
        scores["verifier_names"] = list(names)
    return scores, UnderstoodTable(names, left_out=_unread_labels(columns, reading))


def _stated(columns: FileColumns, reading: TableReading) -> tuple[dict[str, Any], UnderstoodTable]:
    stated = stated_scores(columns)
    if reading.verifiers:
        chosen = {
            _within(name, stated.names): _within(of, stated.names)
            for name, of in reading.verifiers.items()
        }
        stated = stated.chosen(columns, chosen)
    parts = {
        "scores": stated.scores,
        "verifier_names": stated.names,
        "verifier_family": stated.families,
        "verifier_quality": stated.quality,
    }
    beside = {
        name: "beside `scores`"
        for name in columns.values
        if name not in {*TABLE_FIELDS, *columns.used, *reading.verifiers.values()}
    }
    understood = UnderstoodTable(
        tuple(stated.names),
        left_out={**_unread_labels(columns, reading), **beside},
        missing=stated.missing,
        in_objects=True,
    )
    return {name: value for name, value in parts.items() if value is not None}, understood


def _within(name: str, names: Sequence[str]) -> str:
    """Return the verifier to which a path leads, such as `scores.judge`."""
    return name if name in names else name.removeprefix(WITHIN_SCORES)


def _unread_labels(columns: FileColumns, reading: TableReading) -> dict[str, str]:
    """Return why the columns of labels are left out, where they are."""
    if reading.labels:
        return {}
    return {name: LABELS_UNREAD for name in ("labels", "label") if name in columns.values}


def _without_verifiers(columns: FileColumns, reading: TableReading, table: WideTable) -> str:
    """Return the message for a file without any verifier."""
    if reading.only_expected:
        return (
            f"{columns.path}: has no column of the model's verifiers, which are"
            f" {', '.join(reading.expected[:20])}; {columns.listed()}. A column of another name:"
            " --map NAME=COLUMN"
        )
    reasons = "; ".join(f"{name}: {why}" for name, why in list(table.left_out.items())[:20])
    return (
        f"{columns.path}: has no `scores`, and no column of numbers that could be a verifier"
        f"{f' ({reasons})' if reasons else ''}; name the verifiers: --map verifiers=a+b"
    )


def _id_hint(file: FileColumns) -> str:
    column = next((name for name in ID_NAMES if name in file.values), "COLUMN")
    return f"Say which column says whose candidate a row is: --map query_id={column}"
