"""Results of RewardBench, versions 1 and 2.

Published form: allenai/reward-bench, `scripts/run_rm.py` (version 1: `scores_chosen`,
`scores_rejected` with the texts), `scripts/run_v2.py` (version 2: a list `scores` with the texts,
the first `num_correct` right), `rewardbench/rewardbench.py` (`…_outputs.jsonl`, `…_all.jsonl`) and
`rewardbench/utils.py` (`save_to_hub`: an object of columns, a list each).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.service.importers.conversations import ask_mapped, content_text, messages_of, set_asked
from assay.service.importers.gathering import Gathered, GatheredQuery
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

_PAIR = frozenset({"scores_chosen", "scores_rejected"})
_VERSION_2 = frozenset({"scores", "num_correct"})


@dataclass(frozen=True, slots=True)
class RewardBenchResults:
    """A model's scores of right and wrong answers; several models are several verifiers."""

    name: str = "rewardbench"
    title: str = "RewardBench results"
    shapes: tuple[RowShape, ...] = ("scores", "rankings", "labels")
    mapped: tuple[str, ...] = ("query",)

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row has the scores of a pair, or of version 2's answers."""
        return (
            row.keys() >= _PAIR
            or (row.keys() >= _VERSION_2 and isinstance(row["scores"], list))
            or (row.keys() == {"chosen", "rejected"} and _numbers(row))
        )

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows; the first answers of a query are the right ones."""
        gathered = Gathered()
        for place, row in _single_rows(rows):
            name = row.identity("id") if row.has("id") else str(place)
            subset = row.text_or_none("subset")
            query = gathered.query(f"{subset}|{name}", name, row)
            if subset is not None:
                query.beside["subset"] = subset
            _enter(query, row, wish)
        wish.understood.setdefault("labels", "chosen and correct answers 1, the others 0")
        return gathered.rows(wish)


def _check_form(row: ToolRow) -> None:
    """Raise `ToolRowError` for a row without the fields of a score."""
    values = row.values
    has_scores = values.keys() >= _PAIR or values.keys() >= _VERSION_2 or _has_numbers(row)
    if not has_scores:
        there = ", ".join(str(name)[:40] for name in list(values)[:20])
        raise row.refusal(
            "scores_chosen",
            "is missing: a result has scores_chosen and scores_rejected, or scores and"
            f" num_correct; its fields: {there}",
        )


def _numbers(row: Mapping[str, Any]) -> bool:
    return all(isinstance(row.get(name), (int, float)) for name in ("chosen", "rejected"))


def _single_rows(rows: Iterable[ToolRow]) -> Iterator[tuple[int, ToolRow]]:
    """Yield each answer set with its place in its file; an object of columns has many of them."""
    places: dict[tuple[str, str], int] = {}
    for row in rows:
        source = (row.file, row.source)
        for single in _of_columns(row) if _is_columns(row) else [row]:
            places[source] = places.get(source, -1) + 1
            yield places[source], single


def _is_columns(row: ToolRow) -> bool:
    """Return whether a row is a whole file: each answer's id is a row's own there."""
    return isinstance(row.values.get("id", row.values.get("results")), list) or (
        isinstance(row.values.get("num_correct"), list)
    )


def _of_columns(row: ToolRow) -> Iterator[ToolRow]:
    columns = {name: value for name, value in row.values.items() if isinstance(value, list)}
    lengths = {len(value) for value in columns.values()}
    if len(lengths) != 1:
        shown = ", ".join(f"{name}: {len(value)}" for name, value in columns.items())
        raise row.refusal("columns", "must have one length", shown)
    of_all = {name: value for name, value in row.values.items() if name not in columns}
    for place in range(lengths.pop()):
        values = {name: value[place] for name, value in columns.items()}
        yield replace(row, values={**of_all, **values}, path=f"{row.path}{place}.")


def _enter(query: GatheredQuery, row: ToolRow, wish: Wish) -> None:
    _check_form(row)
    verifier = row.text_or_none("model") or row.source or "reward"
    if row.values.keys() >= _VERSION_2:
        answers = list(_of_version_2(row))
    else:
        suffixed = row.has("scores_chosen") or not _has_numbers(row)
        fields = ("scores_chosen", "scores_rejected") if suffixed else ("chosen", "rejected")
        answers = [
            (side, _text_of(row, side), row.as_number(field, _single(row.values.get(field))), right)
            for side, field, right in zip(("chosen", "rejected"), fields, (1.0, 0.0), strict=True)
        ]
    prompt = _ask(query, row, answers, wish)
    for name, text, score, label in answers:
        shown = text if isinstance(text, str) else _last_content(row, text)
        if shown is not None and prompt and shown.startswith(prompt):
            shown = shown[len(prompt) :]
        candidate = query.candidate(name, row, shown)
        candidate.label = label
        candidate.score(verifier, score, row)


def _has_numbers(row: ToolRow) -> bool:
    return row.has("chosen") and _numbers(row.values)


def _of_version_2(row: ToolRow) -> Iterator[tuple[str, Any, float | None, float]]:
    scores, right = row.items("scores"), row.number("num_correct")
    if right is None or not 0 <= right <= len(scores):
        raise row.refusal("num_correct", f"must be from 0 to {len(scores)}", right)
    texts: list[Any] = [None] * len(scores)
    if row.has("text"):
        texts = list(row.items("text"))
    elif row.has("texts_chosen"):
        texts = [*row.items("texts_chosen"), *row.items("texts_rejected")]
    if len(texts) != len(scores):
        raise row.refusal("scores", f"are {len(scores)}, and the texts {len(texts)}")
    for place, score in enumerate(scores):
        number = row.as_number(f"scores.{place}", _single(score))
        yield str(place), texts[place], number, float(place < right)


def _single(score: Any) -> Any:
    """Return a score that some models write as a list of one."""
    return score[0] if isinstance(score, list) and len(score) == 1 else score


def _text_of(row: ToolRow, side: str) -> Any:
    """Return the text or the messages of a side of a pair."""
    for field in (f"text_{side}", side):
        value = row.values.get(field)
        if isinstance(value, (str, list)):
            return value
    return None


def _ask(
    query: GatheredQuery, row: ToolRow, answers: list[tuple[str, Any, Any, float]], wish: Wish
) -> str:
    """Set what was asked, where the file has it; return the text that answers may begin with."""
    if "query" in wish.columns.columns:
        ask_mapped(query, row, wish)
    elif row.has("prompt"):
        wish.understood.setdefault("query", "prompt")
        set_asked(query, row, "prompt", row.values["prompt"])
    elif answers and isinstance(answers[0][1], list):
        wish.understood.setdefault("query", "the messages before the last")
        query.messages = messages_of(row, "text", answers[0][1][:-1]) or None
    return query.query or ""


def _last_content(row: ToolRow, messages: Any) -> str | None:
    if messages is None:
        return None
    last = messages[-1] if isinstance(messages, list) and messages else None
    text = content_text(last.get("content")) if isinstance(last, dict) else None
    if text is None:
        raise row.refusal("text", "must be a text, or messages that end with the answer", messages)
    return text
