"""Exports of Label Studio: JSON, JSON-MIN and CSV.

Published form: HumanSignal/label-studio-sdk, `src/label_studio_sdk/converter/converter.py` (a task
with `data` and `annotations`, earlier `completions`; `convert_to_json_min`),
`converter/exports/csv2.py`, and its test data. Results are of the types choices, rating, number and
pairwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from assay.service.importers.annotation_tools.annotations import (
    ANNOTATED_FIELDS,
    WORTHS,
    AnnotatedTask,
    label_of_choice,
    label_of_rating,
    wins_of_choice,
)
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow, ToolRowError
from assay.service.row_files.reading import NumberedRow

#: What JSON-MIN and CSV add to a task's fields and the answers to its questions.
_FLAT = frozenset({"annotation_id", "annotator", "lead_time"})
_ABOUT_FLAT = _FLAT | {"created_at", "updated_at", "id", "agreement", "history"}
_TYPES = ("choices", "rating", "number", "pairwise")

#: Of seconds since 1970.
LATEST_TIME = 1e12


@dataclass(frozen=True, slots=True)
class LabelStudioExport:
    """A label for each annotation; one of a pair gives a label to both answers."""

    name: str = "label-studio"
    title: str = "Label Studio exports"
    shapes: tuple[RowShape, ...] = ("labels",)
    mapped: tuple[str, ...] = ANNOTATED_FIELDS

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is a task with annotations, or a flat annotation."""
        annotations = row.get("annotations", row.get("completions"))
        is_task = isinstance(row.get("data"), Mapping) and isinstance(annotations, list)
        return (
            is_task or row.keys() >= _FLAT or row.keys() >= _FLAT - {"lead_time"} | {"created_at"}
        )

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield labels in the order of the file; cancelled annotations are skipped."""
        empty, flat = True, _FlatRows()
        for row in rows:
            for label in _labels_of(row, wish) if flat.is_answered(row, wish) else ():
                empty = False
                yield row.line, label
        flat.check_unanswered(wish)
        if empty:
            raise wish.nothing("labels")


@dataclass(slots=True)
class _FlatRows:
    """The question that flat rows answer, and the rows that do not answer it."""

    question: str = ""
    unanswered: list[ToolRow] = field(default_factory=list)

    def is_answered(self, row: ToolRow, wish: Wish) -> bool:
        """Return whether a row has an answer; raise `ToolRowError` for one to another question."""
        if isinstance(row.values.get("data"), Mapping) or "correct" in wish.columns.columns:
            return True
        names = [name for name, _, _ in _usable(row, wish)]
        if not names:
            self.unanswered.append(row)
            return False
        self.question = self.question or names[0]
        if names[0] != self.question:
            raise _ambiguous(row, [self.question, *names])
        return True

    def check_unanswered(self, wish: Wish) -> None:
        """Count rows without an answer; raise `ToolRowError` for an answer that is no label."""
        for row in self.unanswered:
            value = row.values.get(self.question)
            if not self.question:
                raise _ambiguous(row, [])
            if value not in (None, "", [], {}):
                label_of_choice(row, self.question, value)
            wish.skipped["annotations without an answer"] += 1


def _labels_of(row: ToolRow, wish: Wish) -> Iterator[dict[str, Any]]:
    if not isinstance(row.values.get("data"), Mapping):
        yield from _flat(row, wish)
        return
    for annotation in _annotations(row, wish):
        yield from _nested_labels(annotation, row, wish)


def _annotations(task: ToolRow, wish: Wish) -> Iterator[ToolRow]:
    """Yield a task's annotations that count."""
    annotations = list(task.objects("annotations" if task.has("annotations") else "completions"))
    if not annotations:
        wish.skipped["tasks without an annotation"] += 1
    for annotation in annotations:
        if annotation.values.get("was_cancelled") or annotation.values.get("skipped"):
            wish.skipped["annotations that were cancelled"] += 1
        else:
            yield annotation


def _nested_labels(annotation: ToolRow, task: ToolRow, wish: Wish) -> Iterator[dict[str, Any]]:
    results = [
        result
        for result in (annotation.objects("result") if annotation.has("result") else ())
        if result.values.get("type") in _TYPES
    ]
    result = _wanted(annotation, results, wish)
    if result is None:
        wish.skipped["annotations without an answer"] += 1
        return
    kind, field = result.text("type"), result.text("from_name")
    value = result.below("value").values.get("selected" if kind == "pairwise" else kind)
    about = _about(annotation, _person(annotation), ("updated_at", "created_at"))
    yield from _labels(task.below("data"), field, kind, value, about, wish)


def _wanted(annotation: ToolRow, results: list[ToolRow], wish: Wish) -> ToolRow | None:
    """Return the result that is the label: the only one, or that of `--map correct=…`."""
    if "correct" in wish.columns.columns:
        name = wish.columns.columns["correct"]
        results = [result for result in results if result.values.get("from_name") == name]
    names = sorted({str(result.values.get("from_name")) for result in results})
    if len(results) > 1:
        listed = f"{', '.join(names)}: choose one with --map correct=…"
        raise annotation.refusal("result", f"has several answers: {listed}")
    return results[0] if results else None


def _person(annotation: ToolRow) -> str | None:
    """Return who annotated: a number, or the e-mail of an object."""
    person = annotation.values.get("completed_by")
    if isinstance(person, Mapping):
        person = person.get("email") or person.get("id")
    return None if person is None else str(person)


def _about(row: ToolRow, person: str | None, times: tuple[str, ...]) -> dict[str, Any]:
    time = next((row.values[name] for name in times if row.has(name)), None)
    about = {} if not person else {"who": person[:128]}
    if time is None:
        return about
    if not isinstance(time, str) and not (
        isinstance(time, (int, float)) and abs(time) < LATEST_TIME
    ):
        raise row.refusal(times[0], "must be a time", time)
    return {**about, "at": time}


def _labels(
    data: ToolRow, field: str, kind: str, value: Any, about: dict[str, Any], wish: Wish
) -> Iterator[dict[str, Any]]:
    task = AnnotatedTask(data, wish)
    asked = task.asked()
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if kind == "pairwise":
        left = wins_of_choice(data, field, value, task.pair_columns())
        wish.understood.setdefault("correct", f"{field} (the better answer 1, the other 0)")
        for text, share in zip(task.pair(), (left, 1 - left), strict=True):
            yield {**asked, "candidate": text, "correct": share, **about}
        return
    if kind == "choices":
        correct = label_of_choice(data, field, value)
        wish.understood.setdefault("correct", f"{field} (words for right and wrong)")
    else:
        correct = label_of_rating(data, field, value, wish)
    yield {**asked, "candidate": task.answer(), "correct": correct, **about}


def _flat(row: ToolRow, wish: Wish) -> Iterator[dict[str, Any]]:
    """Yield the labels of an annotation whose answers stand among the task's fields."""
    field, kind, value = _flat_answer(row, wish)
    if value in (None, "", [], {}):
        wish.skipped["annotations without an answer"] += 1
        return
    person = row.values.get("annotator")
    about = _about(row, None if person is None else str(person), ("updated_at", "created_at"))
    values = {
        name.removeprefix("_data_"): content
        for name, content in row.values.items()
        if name not in _ABOUT_FLAT and name != field
    }
    yield from _labels(replace(row, values=values), field, kind, value, about, wish)


def _flat_answer(row: ToolRow, wish: Wish) -> tuple[str, str, Any]:
    """Return the question's name, its type and its answer."""
    mapped = wish.columns.columns.get("correct")
    usable = _usable(row, wish)
    if mapped and not usable:
        return mapped, "choices", None
    if len(usable) != 1:
        raise _ambiguous(row, [name for name, _, _ in usable])
    return usable[0]


def _ambiguous(row: ToolRow, names: list[str]) -> ToolRowError:
    return row.refusal(
        "correct",
        f"answers that could be the label: {', '.join(names) or 'none'}; choose one with --map"
        " correct=…",
    )


def _usable(row: ToolRow, wish: Wish) -> list[tuple[str, str, Any]]:
    """Return the answers that could be the label: each question's name, its type, its answer."""
    mapped = wish.columns.columns.get("correct")
    names = [mapped] if mapped else [name for name in row.values if name not in _ABOUT_FLAT]
    answers = [(name, *_typed(row.values.get(name), bool(mapped))) for name in names]
    return [(name, kind, value) for name, kind, value in answers if kind]


def _typed(value: Any, wanted: bool) -> tuple[str, Any]:
    """Return the type of the answer in a flat row, and its value; "" where the row has none."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return "", None
    if isinstance(value, Mapping) and isinstance(value.get("choices"), list):
        value = value["choices"]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        for kind in ("rating", "number"):
            if kind in value[0]:
                return kind, value[0][kind]
        return ("pairwise", value[0]["selected"]) if "selected" in value[0] else ("", None)
    if isinstance(value, str) and (wanted or _is_word(value)):
        is_number = wanted and value.replace(".", "", 1).isdecimal()
        return ("rating" if is_number else "choices"), value
    if wanted and isinstance(value, (int, float)):
        return "rating", value
    return "", None


def _is_word(value: str) -> bool:
    return value.strip().lower() in WORTHS and not value.strip().isdecimal()
