"""Rows of rankings from rows of any names: a query, its candidates, and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.row_files.absent_fields import absent_field
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.field_values import (
    RowFieldError,
    candidates_from,
    field_refusal,
    id_from,
    is_conversation,
    keys_left_out,
    label_from,
    messages_read,
    parted_pair,
    unpacked_cell,
)
from assay.service.row_files.known_names import (
    CHOSEN,
    CONTEXT,
    RANKING_NAMES,
    REJECTED,
    candidates_for,
)
from assay.service.row_files.understood import Understood

RANKING_FIELDS = tuple(RANKING_NAMES)
_PAIR = f"{CHOSEN}, {REJECTED}"


def check_ranking_map(columns: ColumnMap) -> None:
    """Raise `StartupError` for a map of a field that no ranking has."""
    for name in columns:
        if name not in RANKING_FIELDS:
            raise StartupError(
                f"--map: a ranking has no field {name!r}; there are {', '.join(RANKING_FIELDS)}"
            )


def read_ranking(
    row: Mapping[str, Any], columns: ColumnMap, understood: Understood | None = None
) -> dict[str, Any]:
    """Return a row as a ranking: query or messages, candidates, and where the row has them
    reference, tests, id and labels; its other columns follow as they are.

    Raises `RowFieldError` where a field is missing, wrong, or in one of several columns.
    """
    reading = _Reading(row, columns, Understood() if understood is None else understood)
    ranking = {**reading.candidates(), **reading.optional()}
    ranking = {**reading.asked(), **ranking}
    return {**ranking, **reading.carried(ranking)}


class _Reading:
    """A row that is read: its columns, and which of them are used."""

    def __init__(self, row: Mapping[str, Any], columns: ColumnMap, understood: Understood) -> None:
        self._row, self._columns, self._understood = row, columns, understood
        self._used: set[str] = set()
        self._shared: list[dict[str, str]] = []  # the conversation of chosen and rejected
        self._count = 0

    def candidates(self) -> dict[str, Any]:
        """Return candidates, with labels where they are a chosen and a rejected one."""
        row, mapped = self._row, "candidates" in self._columns.columns
        if not mapped and "candidates" not in row and row.get(CHOSEN) and row.get(REJECTED):
            return self._pair()
        column = self._column("candidates", required=True)
        value = unpacked_cell(column, self._value("candidates", column))
        candidates = candidates_from(column, value)
        self._take("candidates", column)
        self._count = len(candidates)
        for key in keys_left_out(value):
            self._understood.leave_out(
                f"{column}.{key}", "only text and id of a candidate are read"
            )
        return {"candidates": candidates}

    def _pair(self) -> dict[str, Any]:
        chosen, rejected = _unpacked_pair(self._row[CHOSEN], self._row[REJECTED])
        several = isinstance(rejected, list) and not is_conversation(rejected)
        others = rejected if several else [rejected]
        texts: list[Any] = []
        for other in others:
            self._shared, answer, wrong = parted_pair(chosen, other)
            right = texts or candidates_from(CHOSEN, [answer])
            texts = [*right, *candidates_from(REJECTED, [wrong])]
        if not texts:
            raise field_refusal(
                REJECTED, "must be a text, a conversation, or a list of texts", rejected
            )
        self._count = len(texts)
        self._used |= {CHOSEN, REJECTED}
        self._understood.take("candidates", _PAIR)
        self._understood.take("labels", f"{CHOSEN} is 1, {REJECTED} is 0")
        return {"candidates": texts, "labels": [1.0] + [0.0] * (len(texts) - 1)}

    def asked(self) -> dict[str, Any]:
        """Return the query as a text, or as messages."""
        if self._shared and not {"query", "messages"} & self._columns.columns.keys():
            self._understood.take("messages", _PAIR)
            return {"messages": self._shared}
        asked = self._either("query", "messages")
        column = self._column(asked, required=True)
        value = self._value(asked, column)
        if asked == "messages" or not _is_list_of_plain(value):
            value = unpacked_cell(column, value)
        self._take(asked, column)
        if isinstance(value, Mapping):
            value = [value]
        if isinstance(value, list):
            return {"messages": messages_read(column, value)}
        if asked == "messages" or not isinstance(value, str):
            kinds = "a list of messages" if asked == "messages" else "a text or a list of messages"
            raise field_refusal(column, f"must be {kinds}", "null" if value is None else value)
        return {"query": value}

    def _either(self, query: str, messages: str) -> str:
        """Return which of the two a row has."""
        if {query, messages} & self._columns.columns.keys():
            return query if query in self._columns.columns else messages
        queries, own_query = candidates_for(query, RANKING_NAMES, self._row)
        chats, own_messages = candidates_for(messages, RANKING_NAMES, self._row)
        if not chats or (own_query and not own_messages):
            return query
        if not queries or (own_messages and not own_query):
            return messages
        both = f"{queries[0]!r} and {chats[0]!r}"
        raise field_refusal(
            query,
            f"{both} could both be what was asked: choose by --map query={queries[0]} or --map"
            f" messages={chats[0]}",
        )

    def optional(self) -> dict[str, Any]:
        """Return reference, tests, id and labels where the row has them."""
        fields: dict[str, Any] = {}
        for name in ("reference", "tests", "id", "labels"):
            column = self._column(name, required=False)
            if not column or (value := self._value(name, column)) is None:
                continue
            stated = column == name or name in self._columns.columns
            try:
                fields[name] = self._optional_value(name, column, value)
            except RowFieldError as exc:
                # another program's column of this name is its own matter
                if stated and not (name == "labels" and name not in self._columns.columns):
                    raise
                self._understood.leave_out(column, str(exc).partition(" (got ")[0][:200])
                continue
            self._take(name, column)
        return fields

    def _optional_value(self, name: str, column: str, value: Any) -> Any:
        if name == "reference":
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return str(value)
            if not isinstance(value, str):
                raise field_refusal(column, "a reference must be a text", value)
            return value
        if name == "id":
            return id_from(column, value)
        values = unpacked_cell(column, value)
        if not isinstance(values, (list, tuple)):
            raise field_refusal(column, "must be a list", value)
        if name == "tests":
            if not all(isinstance(item, str) for item in values):
                raise field_refusal(column, "must be a list of texts", value)
            return list(values)
        if len(values) != self._count:
            problem = f"has {len(values)} values for {self._count} candidates"
            raise field_refusal(column, problem, value)
        return [label_from(f"{column}.{place}", item) for place, item in enumerate(values)]

    def _column(self, name: str, required: bool) -> str:
        """Return the column of a field, empty without one; of several no one is chosen."""
        if name in self._columns.columns:
            return self._columns.columns[name]
        columns = self._row
        if name == "candidates":
            # `choices: 4`, or SQuAD's `answers`, are no candidates
            columns = {key: value for key, value in self._row.items() if _may_be_list(value)}
        elif name == "reference":
            columns = {key: value for key, value in self._row.items() if key not in self._used}
        names, _ = candidates_for(name, RANKING_NAMES, columns)
        if len(names) == 1:
            return names[0]
        if len(names) > 1:
            likely = ", ".join(map(repr, names[:-1])) + f" and {names[-1]!r}"
            problem = f"{likely} could each be this field: choose by --map {name}={names[0]}"
            if required:
                raise field_refusal(name, problem)
            self._understood.note(f"{name}: {problem}")
        if required and not names:
            if name == "query" and is_conversation(self._row.get(CONTEXT)):
                return CONTEXT
            earlier = self._understood.columns.get(name, {})
            raise absent_field(name, self._row, self._used, earlier)
        return ""

    def _value(self, name: str, column: str) -> Any:
        if name in self._columns.columns:
            value = self._columns.read(self._row, name)
            if value is None and name in ("query", "messages", "candidates"):
                there = ", ".join(map(str, self._row))[:300]
                raise field_refusal(
                    name, f"--map says {column!r}, which this row lacks: it has {there}"
                )
            return value
        return self._row[column]

    def _take(self, name: str, column: str) -> None:
        self._used.add(column)
        self._understood.take(name, column)

    def carried(self, ranking: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns that no field is made of."""
        carried = {}
        for column, value in self._row.items():
            if column in self._used:
                continue
            if column in ranking:
                self._understood.leave_out(column, "another column was chosen for this field")
                continue
            self._understood.carry(column)
            carried[column] = value
        return carried


def _unpacked_pair(chosen: Any, rejected: Any) -> tuple[Any, Any]:
    """Return the conversations that cells hold, or the list of several rejected answers.

    An answer may itself be a list, as a text.
    """
    if _is_list_of_plain(chosen):
        return chosen, rejected
    if not _is_list_of_plain(rejected):
        return _unpacked_chat(CHOSEN, chosen), _unpacked_chat(REJECTED, rejected)
    several = unpacked_cell(REJECTED, rejected)
    is_texts = isinstance(several, list) and all(isinstance(item, str) for item in several)
    return _unpacked_chat(CHOSEN, chosen), several if is_texts else rejected


def _unpacked_chat(name: str, value: Any) -> Any:
    unpacked = unpacked_cell(name, value)
    messages = [unpacked] if isinstance(unpacked, Mapping) else unpacked
    return unpacked if is_conversation(messages) else value


def _is_list_of_plain(value: Any) -> bool:
    """Return whether a text begins as a list of no objects: a query may, messages never do."""
    return isinstance(value, str) and value.startswith("[") and not _is_list_of_objects(value)


def _is_list_of_objects(text: str) -> bool:
    return text.startswith("{") or (text.startswith("[") and text[1:65].lstrip().startswith("{"))


def _may_be_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping)) or (
        isinstance(value, str) and value[:1] in ("[", "{")
    )
