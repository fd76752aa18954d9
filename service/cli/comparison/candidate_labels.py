"""Labels of candidates: those of a file of labels, or of the systems' own files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.service.api.errors import invalid
from assay.service.api.label_requests import LabelIn
from assay.service.cli.comparison.flat_rows import FIELDS
from assay.service.cli.comparison.joining import JoinedCandidate
from assay.service.cli.comparison.row_values import (
    ComparisonError,
    flag_value,
    label_value,
    name_value,
    refuse_missing,
)
from assay.service.cli.labels.label_columns import LABEL_FIELDS, labels_of_row
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.field_values import RowFieldError
from assay.service.row_files.reading import opened_rows, valid_rows
from assay.service.row_files.understood import Understood

#: Fields that name a label's candidate by its texts.
TEXT_FIELDS = ("query", "messages", "candidate", "reference", "tests")


@dataclass(frozen=True, slots=True)
class StatedLabel:
    """A row of a file of labels; its candidate has a key, or a query's id and a name."""

    place: str
    correct: float
    random: bool | None
    who: str | None
    key: str | None
    query: str | None
    candidate: str | None
    group: str | None

    @property
    def shown(self) -> str:
        """Return the candidate's name for a message."""
        if self.key is not None:
            return f"key {self.key[:40]!r}"
        return f"query {(self.query or '')[:40]!r}, candidate {(self.candidate or '')[:40]!r}"


@dataclass(frozen=True, slots=True)
class JoinedLabels:
    """Each candidate's label, NaN for none, and whether it was drawn at random, None if not stated.

    `unmatched`: labels of candidates that neither system has.
    """

    values: list[float]
    random: list[bool | None]
    unmatched: int


def own_labels(candidates: Sequence[JoinedCandidate]) -> JoinedLabels:
    """Return the labels in the systems' own files; raise where the two contradict each other."""
    values, random = [], []
    for candidate in candidates:
        stated = [row for row in candidate.rows if not math.isnan(row.label)]
        if len({row.label for row in stated}) > 1:
            places = " and ".join(f"{row.place} says {row.label:g}" for row in stated)
            raise ComparisonError(
                f"candidate {stated[0].name[:40]!r} of query {stated[0].query[:40]!r} has two"
                f" labels: {places}; mend one, or, if the files' candidates differ, give"
                " --own-candidates"
            )
        values.append(stated[0].label if stated else math.nan)
        flags = [row.random for row in stated if row.random is not None]
        random.append(flags[0] if flags else None)
    return JoinedLabels(values, random, 0)


def labels_of_file(
    path: Path, columns: ColumnMap, candidates: Sequence[JoinedCandidate], extra: str | None
) -> JoinedLabels:
    """Return the labels of a file; several annotators of one candidate count with their mean.

    Raises `ComparisonError` for a wrong row, for one annotator's contradiction, and if no label is
    of a candidate.
    """
    stated = list(read_labels(path, columns, extra))
    if not stated:
        raise ComparisonError(
            f"{path}: has no label: it is empty, or the label of each row is null; give 1 for"
            " right and 0 for wrong, in `correct` or --map label=COLUMN"
        )
    places = _Places(candidates)
    by_candidate: dict[int, dict[str | None, StatedLabel]] = {}
    unmatched = 0
    for label in stated:
        matches = places.of(label)
        unmatched += not matches
        for match in matches:
            first = by_candidate.setdefault(match, {}).setdefault(label.who, label)
            if first.correct != label.correct:
                raise ComparisonError(
                    f"{label.place}: the label is {label.correct:g}, and {first.correct:g} in"
                    f" {first.place} for the same candidate: keep one of them, or name the"
                    " annotators (`who`)"
                )
    if unmatched == len(stated):
        row = candidates[0].rows[0]
        raise ComparisonError(
            f"{path}: none of its {len(stated)} labels is of a candidate that is compared: the"
            f" first is of {stated[0].shown}; the first candidate is"
            f" query {row.query[:40]!r}, candidate {row.name[:40]!r}"
        )
    values: list[float] = [math.nan] * len(candidates)
    random: list[bool | None] = [None] * len(candidates)
    for place, by_annotator in by_candidate.items():
        labels = list(by_annotator.values())
        values[place] = sum(label.correct for label in labels) / len(labels)
        flags = {label.random for label in labels if label.random is not None}
        random[place] = None if not flags else False not in flags
    return JoinedLabels(values, random, unmatched)


def read_labels(path: Path, columns: ColumnMap, extra: str | None) -> Iterator[StatedLabel]:
    """Yield the labels of a file; rows whose label is null are none."""
    refuse_missing(path)
    without: tuple[str, list[str]] | None = None
    is_labelled = False
    for place, row, may_lack in _placed_rows(path, columns):
        fields = {name: _field(row, columns, name) for name in FIELDS}
        if fields["label"] is None and not _has_label(row, columns):
            if not may_lack:
                raise _no_label(place, list(row))
            without = without or (place, list(row))
            continue
        is_labelled = True
        correct = label_value(place, "label", fields["label"])
        if math.isnan(correct):
            continue
        key, query, candidate = _named(place, row, fields)
        yield StatedLabel(
            place=place,
            correct=correct,
            random=flag_value(place, "random", fields["random"]),
            who=name_value(place, "who", row.get("who", row.get("annotator"))),
            key=key,
            query=query,
            candidate=candidate,
            group=name_value(place, extra, row.get(extra)) if extra else None,
        )
    if without is not None and not is_labelled:
        raise _no_label(*without)


def _placed_rows(path: Path, columns: ColumnMap) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield rows with their places, and whether a value that is absent may be an empty cell.

    CSV, TSV and Parquet leave out empty cells: there, a column that no row has is absent.
    """
    with opened_rows(path) as opened:
        form = opened.form
        may_lack = form.of_texts or form.form == "parquet"
        for number, row in valid_rows(path, opened.rows):
            place = f"{path}:{number}"
            if isinstance(row.get("candidates"), list) and row.get("labels") is None:
                yield place, row, True
            elif _names_by_texts(row, columns):
                yield from ((place, label, may_lack) for label in _by_texts(place, row, columns))
            else:
                yield place, row, may_lack


def _names_by_texts(row: Mapping[str, Any], columns: ColumnMap) -> bool:
    """Return whether a row is a ranking, or names its candidate neither by an id nor by a key."""
    named = [column for name in ("query_id", "candidate", "key") for column in FIELDS[name]]
    if {"query_id", "candidate", "key"} & columns.columns.keys() or "candidate" in row:
        return False
    is_ranking = isinstance(row.get("candidates"), list)
    return is_ranking or not any(row.get(column) is not None for column in named)


def _by_texts(
    place: str, row: Mapping[str, Any], columns: ColumnMap
) -> Iterator[Mapping[str, Any]]:
    """Yield a row's labels with the texts of their candidates, as `assay labels import` reads them;
    the row itself where it has no such texts.
    """
    fields = {"correct" if name == "label" else name: of for name, of in columns.columns.items()}
    stated = ColumnMap({name: of for name, of in fields.items() if name in LABEL_FIELDS})
    try:
        labels = list(labels_of_row(row, stated, Understood()))
    except RowFieldError as exc:
        raise ComparisonError(f"{place}: {exc}") from None
    has_texts = all("candidate" in label for label in labels)
    yield from labels if has_texts else [row]


def _no_label(place: str, names: Sequence[str]) -> ComparisonError:
    return ComparisonError(
        f"{place}: has no label (`correct` or `label`; its columns with a value:"
        f" {', '.join(sorted(names))[:200]}): fill it in, or name its column by --map label=COLUMN"
    )


def _field(row: Mapping[str, Any], columns: ColumnMap, name: str) -> Any:
    """Return a field's value: of its mapped column, else of a known one that is not empty."""
    if name in columns.columns and (value := columns.read(row, name)) is not None:
        return value
    return next((row[column] for column in FIELDS[name] if row.get(column) is not None), None)


def _has_label(row: Mapping[str, Any], columns: ColumnMap) -> bool:
    return any(column in row for column in (*FIELDS["label"], columns.columns.get("label", "")))


def _named(
    place: str, row: Mapping[str, Any], fields: Mapping[str, Any]
) -> tuple[str | None, str | None, str | None]:
    """Return the key, or the query's id and the candidate's name, of a label."""
    key = name_value(place, "key", fields["key"])
    query = name_value(place, "query_id", fields["query_id"])
    candidate = name_value(place, "candidate", fields["candidate"])
    if key is not None:
        return key, None, None
    if query is not None and candidate is not None:
        return None, query, candidate
    if candidate is not None and ("query" in row or "messages" in row):
        texts = {name: row[name] for name in TEXT_FIELDS if row.get(name) is not None}
        try:
            label = LabelIn.model_validate({**texts, "candidate": candidate, "correct": 0})
        except ValidationError as exc:
            raise ComparisonError(f"{place}: {invalid(exc)}") from None
        return label.candidate_key(), row.get("query"), candidate
    raise ComparisonError(
        f"{place}: names no candidate: give `query_id` and `candidate`, or `key`, or `query` and"
        f" `candidate` with their texts (its columns: {', '.join(sorted(row))[:200]}), or name"
        " the columns by --map"
    )


class _Places:
    """Candidates by each way in which a label may name them."""

    def __init__(self, candidates: Sequence[JoinedCandidate]) -> None:
        self._candidates = candidates
        self._by_key: dict[str, list[int]] = {}
        self._by_name: dict[tuple[str, str], list[int]] = {}
        self._by_text: dict[tuple[str, str], list[int]] = {}
        for place, candidate in enumerate(candidates):
            for row in candidate.rows:
                _add(self._by_name, (row.query, row.name), place)
                if row.key is not None:
                    _add(self._by_key, row.key, place)
                if row.text is not None:
                    _add(self._by_text, (row.query, row.text), place)

    def of(self, label: StatedLabel) -> list[int]:
        """Return the places of a label's candidates: several for a text that occurs again."""
        matches = self._by_key.get(label.key, []) if label.key is not None else []
        if matches or label.query is None or label.candidate is None:
            return self._of_group(label, matches)
        name = (label.query, label.candidate)
        by_name = self._of_group(label, self._by_name.get(name, []))
        if len(by_name) > 1:
            rows = [self._candidates[place].rows[0] for place in by_name[:2]]
            raise ComparisonError(
                f"{label.place}: {label.shown}: both systems have a candidate of that name"
                f" ({rows[0].place}, {rows[1].place}), and they differ: put labels into each"
                " file's column `label`, or name candidates apart, or by their texts"
            )
        return by_name or self._of_group(label, self._by_text.get(name, []))

    def _of_group(self, label: StatedLabel, places: Sequence[int]) -> list[int]:
        if label.group is None:
            return list(places)
        return [
            place
            for place in places
            if any(row.group == label.group for row in self._candidates[place].rows)
        ]


def _add(index: dict[Any, list[int]], name: Any, place: int) -> None:
    places = index.setdefault(name, [])
    if place not in places[-1:]:
        places.append(place)
