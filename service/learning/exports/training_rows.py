"""Ranked traffic as training data, in the shapes that TRL reads.

Two readings of the kept requests: the first decides the rows from scores and labels, and holds no
text; the second fills the texts in, page by page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assay.service.domain.observation import Observation, RankedTexts
from assay.service.domain.score_keys import candidate_key, query_of_key
from assay.service.learning.exports.candidates import ExportReading, KeptTraffic, by_prompt
from assay.service.learning.exports.options import EXPORT_COLUMNS, ExportOptions
from assay.service.learning.exports.selection import SELECTORS, TrainingRow


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """The rows that an export will have.

    `left_out`: by reason, how many prompts (`dpo`, `sft`) or candidates (`kto`, `reward`) make no
    row, how many requests have no text, and how many prompts and texts were repeated.
    `conversational`: whether prompts are lists of messages, in all rows alike, as TRL needs it.
    """

    rows: list[TrainingRow]
    left_out: dict[str, int]
    conversational: bool


def plan(traffic: KeptTraffic, reading: ExportReading, options: ExportOptions) -> ExportPlan:
    """Decide which candidates of the kept requests make rows."""
    left_out = Counter(
        {"no_text": traffic.without_texts, "repeated_prompt": traffic.repeated_prompts}
    )
    rows: list[TrainingRow] = []
    for candidates, repeated in by_prompt(traffic, reading):
        left_out["repeated_text"] += repeated
        for row in SELECTORS[options.format](candidates, options, left_out):
            row.columns["model_version"] = reading.served.model_version
            rows.append(row)
    conversational = any(
        query_of_key(key) in traffic.conversations
        for row in rows
        for key in row.candidates.values()
    )
    reasons = {reason: count for reason, count in sorted(left_out.items()) if count}
    return ExportPlan(rows, reasons, conversational)


class RowTexts:
    """Fills the texts of planned rows in, as the requests that have them are read."""

    def __init__(self, export_plan: ExportPlan, options: ExportOptions) -> None:
        self._conversational = export_plan.conversational
        self._columns = EXPORT_COLUMNS[options.format]
        self._waiting = {
            key: (row, column) for row in export_plan.rows for column, key in row.candidates.items()
        }
        self._texts: dict[int, dict[str, Any]] = {}  # of rows that wait for another request

    def rows(self, records: Iterable[Observation]) -> Iterator[dict[str, Any]]:
        """Yield the rows that are whole once these requests are read."""
        for record in records:
            for candidate, text in (record.texts.candidates if record.texts else {}).items():
                place = self._waiting.pop(candidate_key(record.query, candidate), None)
                if place is None or record.texts is None:
                    continue
                row, column = place
                texts = self._texts.setdefault(id(row), {})
                texts |= {"prompt": self._prompt(record.texts), column: self._answer(text)}
                if row.candidates.keys() <= texts.keys():
                    values = self._texts.pop(id(row)) | row.columns
                    yield {name: values[name] for name in self._columns}

    def _prompt(self, texts: RankedTexts) -> str | list[dict[str, str]]:
        if not self._conversational:
            return texts.query
        return [{"role": turn.role, "content": turn.content} for turn in texts.turns]

    def _answer(self, text: str) -> str | list[dict[str, str]]:
        return [{"role": "assistant", "content": text}] if self._conversational else text
