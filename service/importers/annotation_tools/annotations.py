"""What annotators of texts chose, as labels: words, ratings, and the better of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow

#: Words of choices, in small letters, and the label that each means.
RIGHT = ("correct", "right", "yes", "true", "good", "accept", "accepted", "pass", "positive", "1")
WRONG = ("incorrect", "wrong", "no", "false", "bad", "reject", "rejected", "fail", "negative", "0")
HALF = ("partially correct", "partly correct", "partial")
WORTHS = {**dict.fromkeys(RIGHT, 1.0), **dict.fromkeys(WRONG, 0.0), **dict.fromkeys(HALF, 0.5)}
#: Names of a task's fields that hold what was asked and what was answered.
QUERY_NAMES = ("query", "prompt", "question", "instruction", "input", "messages", "conversation")
ANSWER_NAMES = (
    "candidate",
    "response",
    "answer",
    "completion",
    "output",
    "generation",
    "prediction",
    "reply",
)
ENDINGS_OF_PAIRS = tuple(
    (mark + first, mark + second)
    for mark in ("", "_", "-")
    for first, second in (("1", "2"), ("a", "b"), ("A", "B"), ("0", "1"))
)
PAIRS_OF_NAMES = (
    *((name + first, name + second) for name in ANSWER_NAMES for first, second in ENDINGS_OF_PAIRS),
    ("left", "right"),
    ("chosen", "rejected"),
    ("text1", "text2"),
)
#: What `--map` may name.
ANNOTATED_FIELDS = ("query", "candidate", "left", "right", "correct")
DEFAULT_SCALE = (1.0, 5.0)


@dataclass(frozen=True, slots=True)
class AnnotatedTask:
    """A task's fields, and which of them hold the query and the answers."""

    row: ToolRow
    wish: Wish

    def asked(self) -> dict[str, Any]:
        """Return the query as a field of a label."""
        column = self._column("query", QUERY_NAMES)
        value = self._value("query", column)
        if isinstance(value, list):
            value = [
                {"role": message.get("role"), "content": message.get("content")}
                for message in value
                if isinstance(message, Mapping)
            ]
            return {"messages": value}
        if not isinstance(value, str):
            raise self.row.refusal(column, "must be a text or messages", value or "null")
        return {"query": value}

    def answer(self) -> str:
        """Return the only answer's text."""
        column = self._column("candidate", ANSWER_NAMES)
        return self._text("candidate", column)

    def pair(self) -> tuple[str, str]:
        """Return the texts of the two answers, the left one first."""
        left, right = self.pair_columns()
        return self._text("left", left), self._text("right", right)

    def pair_columns(self) -> tuple[str, str]:
        """Return the columns of two answers; raise `ToolRowError` where there are none."""
        mapped = self.wish.columns.columns
        if "left" in mapped and "right" in mapped:
            columns = (mapped["left"], mapped["right"])
        else:
            present = (pair for pair in PAIRS_OF_NAMES if set(pair) <= self.row.values.keys())
            columns = next(present, ("", ""))
        if not columns[0]:
            raise self.row.refusal(
                "left", f"name both answers with --map left=…,right=…; fields: {self._fields()}"
            )
        self.wish.understood.setdefault("candidates", f"{columns[0]} and {columns[1]}")
        return columns

    def _column(self, field: str, names: Sequence[str]) -> str:
        if field in self.wish.columns.columns:
            column = self.wish.columns.columns[field]
        else:
            present = [name for name in names if self.row.has(name)]
            if len(present) != 1:
                listed = f"could be {', '.join(present)}" if present else "is missing"
                raise self.row.refusal(
                    field, f"{listed}: name it with --map {field}=…; fields: {self._fields()}"
                )
            column = present[0]
        self.wish.understood.setdefault(field, column)
        return column

    def _value(self, field: str, column: str) -> Any:
        if field in self.wish.columns.columns:
            return self.wish.columns.read(self.row.values, field)
        return self.row.values.get(column)

    def _text(self, field: str, column: str) -> str:
        value = self._value(field, column)
        if not isinstance(value, str):
            raise self.row.refusal(column, "must be a text", "null" if value is None else value)
        return value

    def _fields(self) -> str:
        return ", ".join(list(self.row.values)[:20])


def label_of_choice(row: ToolRow, field: str, value: Any) -> float:
    """Return the label that a chosen word means; raise `ToolRowError` for an unknown word."""
    word = str(value).strip().lower() if isinstance(value, (str, int, bool)) else None
    if word not in WORTHS:
        raise row.refusal(
            field,
            f"is no word for right or wrong ({', '.join(RIGHT[:4])} …; {', '.join(WRONG[:4])} …):"
            " choose another question with --map correct=…",
            value,
        )
    return WORTHS[word]


def label_of_rating(row: ToolRow, field: str, value: Any, wish: Wish) -> float:
    """Return a rating as a share of the scale, which `--scale` states; it is 1 to 5 otherwise."""
    rating = row.as_number(field, value)
    worst, best = wish.scale or DEFAULT_SCALE
    if rating is None or not min(worst, best) <= rating <= max(worst, best):
        raise row.refusal(
            field,
            f"must be from {worst:g} to {best:g}: state the scale, such as --scale 1,10",
            value,
        )
    wish.understood.setdefault("correct", f"{field}, {worst:g} as 0 and {best:g} as 1")
    return (rating - worst) / (best - worst)


def wins_of_choice(row: ToolRow, field: str, value: Any, columns: tuple[str, str]) -> float:
    """Return the left answer's share of the win."""
    word = str(value).strip().lower()
    if word in ("left", columns[0].lower()):
        return 1.0
    if word in ("right", columns[1].lower()):
        return 0.0
    if word in ("tie", "equal", "both", "none"):
        return 0.5
    raise row.refusal(field, f"must be left, right, tie, {columns[0]} or {columns[1]}", value)
