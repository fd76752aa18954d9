"""Exports of Argilla: feedback records of 1.x and records of 2.x, nested or as a data set.

Published form: argilla-io/argilla, `argilla-v1/.../feedback/integrations/huggingface/dataset.py`
(1.x: a column of responses for each question, with `NAME-suggestion`),
`.../feedback/schemas/records.py` (1.x: `fields`, `responses`),
`argilla/src/argilla/records/_io/_generic.py` (2.x: `NAME.responses`, `.users`, `.status`) and
`records/_resource.py` (2.x: `fields`, `responses` by question).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.importers.annotation_tools.annotations import (
    ANNOTATED_FIELDS,
    WORTHS,
    AnnotatedTask,
    label_of_choice,
    label_of_rating,
    wins_of_choice,
)
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

_SUBMITTED = "submitted"
#: Ends the name of a column about a question.
_ABOUT = "-suggestion-metadata"
_RESPONSES, _USERS, _STATUSES = ".responses", ".responses.users", ".responses.status"


@dataclass(frozen=True, slots=True)
class ArgillaResponse:
    """What a user answered to a question."""

    question: str
    value: Any
    user: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class ArgillaExport:
    """A label for each submitted response."""

    name: str = "argilla"
    title: str = "Argilla exports"
    shapes: tuple[RowShape, ...] = ("labels",)
    mapped: tuple[str, ...] = ANNOTATED_FIELDS

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is a record, or a record's columns."""
        is_record = isinstance(row.get("fields"), Mapping) and "responses" in row
        # Parquet leaves out columns without a value: the first record may have no response.
        flat_2 = row.keys() >= {"id", "_server_id"} or bool(_stems(row, _USERS))
        flat_1 = any(
            f"{name}{_ABOUT}" in row or _are_responses(row.get(name)) for name in _questions_1(row)
        )
        return is_record or flat_2 or flat_1

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield labels in the order of the file; drafts and discarded responses are skipped."""
        empty = True
        for row in rows:
            fields, responses = _read(row)
            if not responses:
                wish.skipped["records without a response"] += 1
            for label in _labels(fields, _counting(row, fields, responses, wish), wish):
                empty = False
                yield row.line, label
        if empty:
            raise wish.nothing("labels")


def _questions_1(row: Mapping[str, Any]) -> list[str]:
    """Return the questions of a flat record of 1.x."""
    answered = [name for name, value in row.items() if _are_responses(value)]
    return list(dict.fromkeys(_stems(row, _ABOUT) + _stems(row, "-suggestion") + answered))


def _are_responses(value: Any) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, Mapping) and item.keys() >= {"user_id", "value"} for item in value
    )


def _questions_2(row: Mapping[str, Any]) -> list[str]:
    """Return the questions of a flat record of 2.x."""
    endings = (_USERS, _RESPONSES, ".suggestion")
    return list(dict.fromkeys(name for ending in endings for name in _stems(row, ending)))


def _stems(row: Mapping[str, Any], ending: str) -> list[str]:
    return [name.removesuffix(ending) for name in row if name.endswith(ending)]


def _read(row: ToolRow) -> tuple[ToolRow, list[ArgillaResponse]]:
    """Return a record's fields and responses, in any of the four forms."""
    if isinstance(row.values.get("fields"), Mapping):
        return row.below("fields"), list(_of_record(row))
    if questions := _questions_1(row.values):
        return _fields(row, questions, "-"), list(_of_lists(row, questions))
    return _fields(row, _questions_2(row.values), "."), list(_of_columns(row))


def _fields(row: ToolRow, questions: list[str], mark: str) -> ToolRow:
    """Return a flat record without its questions, which have further columns after a mark."""
    values = {
        name: value
        for name, value in row.values.items()
        if name not in questions
        and not any(name.startswith(f"{question}{mark}") for question in questions)
    }
    return replace(row, values=values)


def _of_record(row: ToolRow) -> Iterator[ArgillaResponse]:
    if isinstance(row.values.get("responses"), Mapping):  # 2.x: a list for each question
        by_question = row.below("responses")
        for question in by_question.values:
            for response in by_question.objects(question):
                yield _response(response, question, response.values.get("value"))
    elif row.has("responses"):  # 1.x and the server: a user's answers together
        for response in row.objects("responses"):
            values = response.below("values") if response.has("values") else None
            for question in values.values if values is not None else ():
                answer = values.values[question] if values is not None else None
                value = answer.get("value") if isinstance(answer, Mapping) else answer
                yield _response(response, question, value)


def _of_lists(row: ToolRow, questions: list[str]) -> Iterator[ArgillaResponse]:
    for question in questions:
        for response in row.objects(question) if row.has(question) else ():
            yield _response(response, question, response.values.get("value"))


def _response(response: ToolRow, question: str, value: Any) -> ArgillaResponse:
    user = response.values.get("user_id")
    return ArgillaResponse(
        question, value, None if user is None else str(user), response.text_or_none("status")
    )


def _of_columns(row: ToolRow) -> Iterator[ArgillaResponse]:
    for question in _stems(row.values, _USERS):
        values = row.items(question + _RESPONSES) if row.has(question + _RESPONSES) else []
        users = row.items(question + _USERS) if row.has(question + _USERS) else []
        statuses = row.items(question + _STATUSES) if row.has(question + _STATUSES) else []
        if len(users) != len(values) or len(statuses) not in (0, len(values)):
            raise row.refusal(
                question + _RESPONSES, f"are {len(values)}, and the users {len(users)}"
            )
        for place, value in enumerate(values):
            status = statuses[place] if statuses else None
            yield ArgillaResponse(question, value, str(users[place]), status)


def _counting(
    row: ToolRow, fields: ToolRow, responses: list[ArgillaResponse], wish: Wish
) -> Iterator[ArgillaResponse]:
    """Yield the submitted responses to the question that is the label."""
    question = wish.columns.columns.get("correct")
    usable = [
        response
        for response in responses
        if response.question == question
        or (question is None and _is_answer(response.value, fields))
    ]
    names = sorted({response.question for response in usable})
    if len(names) > 1:
        listed = f"{', '.join(names)}: choose one with --map correct=…"
        raise row.refusal("responses", f"are of several questions: {listed}")
    if responses and not usable:
        wish.skipped["records whose responses are no label"] += 1
    for response in usable:
        if response.status not in (None, _SUBMITTED):
            wish.skipped[f"responses with the status {response.status}"] += 1
        elif response.value is None:
            wish.skipped["responses without a value"] += 1
        else:
            yield response


def _is_answer(value: Any, fields: ToolRow) -> bool:
    """Return whether a value can be a label: a rating, a ranking, or a word for right or wrong."""
    if isinstance(value, str):
        return value.strip().lower() in WORTHS
    return isinstance(value, (int, float)) or _ranking(value, fields) is not None


def _ranking(value: Any, fields: ToolRow) -> dict[str, int] | None:
    """Return the ranks of a ranking's values, the best 1; None for another answer.

    Since 2.0 it is a list of names, the best first.
    """
    if isinstance(value, list) and len(value) > 1 and _are_fields(value, fields):
        return {name: rank for rank, name in enumerate(value, 1)}
    if isinstance(value, Mapping) and value.keys() == {"rank", "value"}:  # as data sets keep it
        pairs = zip(value["rank"], value["value"], strict=False)
        value = [{"rank": rank, "value": name} for rank, name in pairs]
    if not isinstance(value, list) or len(value) < 2:
        return None
    ranks = {}
    for item in value:
        if not isinstance(item, Mapping) or not isinstance(item.get("rank"), int):
            return None
        ranks[str(item.get("value"))] = item["rank"]
    return ranks


def _are_fields(names: list[Any], fields: ToolRow) -> bool:
    """Return whether all are names of fields of the record; those of an unranked list differ."""
    return all(isinstance(name, str) and fields.has(name) for name in names)


def _labels(
    fields: ToolRow, responses: Iterable[ArgillaResponse], wish: Wish
) -> Iterator[dict[str, Any]]:
    for response in responses:
        task = AnnotatedTask(fields, wish)
        about = {} if not response.user else {"who": response.user[:128]}
        asked = task.asked()
        question, value = response.question, response.value
        if (ranks := _ranking(value, fields)) is not None:
            wish.understood.setdefault("correct", f"{question} (the first 1, the other 0)")
            yield from _of_ranking(task, asked, question, ranks, about)
        elif isinstance(value, str) and value.strip().lower() not in WORTHS and _has_pair(task):
            left = wins_of_choice(fields, question, value, task.pair_columns())
            wish.understood.setdefault("correct", f"{question} (the better answer 1, the other 0)")
            yield from _of_pair(task, asked, left, about)
        elif isinstance(value, str):
            wish.understood.setdefault("correct", f"{question} (words for right and wrong)")
            correct = label_of_choice(fields, question, value)
            yield {**asked, "candidate": task.answer(), "correct": correct, **about}
        else:
            correct = label_of_rating(fields, question, value, wish)
            yield {**asked, "candidate": task.answer(), "correct": correct, **about}


def _has_pair(task: AnnotatedTask) -> bool:
    try:
        task.pair_columns()
    except StartupError:
        return False
    return True


def _of_pair(
    task: AnnotatedTask, asked: dict[str, Any], left: float, about: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for text, share in zip(task.pair(), (left, 1 - left), strict=True):
        yield {**asked, "candidate": text, "correct": share, **about}


def _of_ranking(
    task: AnnotatedTask,
    asked: dict[str, Any],
    question: str,
    ranks: Mapping[str, int],
    about: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """Yield the labels of two answers whose fields a ranking names; ties get a half."""
    names = list(ranks)
    if len(names) != 2 or not all(task.row.has(name) for name in names):
        raise task.row.refusal(
            question, "ranks something other than two fields of the record", ", ".join(names)
        )
    first, second = (ranks[name] for name in names)
    left = 0.5 if first == second else float(first < second)
    for name, share in zip(names, (left, 1 - left), strict=True):
        yield {**asked, "candidate": task.row.text(name), "correct": share, **about}
