"""Annotations of AlpacaEval: `annotations.json`.

Published form: tatsu-lab/alpaca_eval, `src/alpaca_eval/annotators/pairwise_evaluator.py` and
`results/*/annotations.json`: `preference` is 1 where `output_1` is better and 2 where `output_2`
is, between them for probabilities; 1.5, before 0.3.2 also 0, is a tie; null is a failed judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.service.importers.conversations import ask_mapped
from assay.service.importers.gathering import Gathered, short_hash
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.preferences.pairwise_wins import Wins
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

_FIELDS = frozenset({"instruction", "output_1", "output_2", "preference"})
_OUTPUTS = ("output_1", "output_2")


@dataclass(frozen=True, slots=True)
class AlpacaAnnotations:
    """Which of two answers an annotator prefers: the answers' shares of wins, by annotator."""

    name: str = "alpaca-eval"
    title: str = "AlpacaEval annotations"
    shapes: tuple[RowShape, ...] = ("scores", "rankings", "labels")
    mapped: tuple[str, ...] = ("query",)

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row has an instruction, two outputs and a preference."""
        return row.keys() >= _FIELDS and bool(row.keys() & {"generator_1", "annotator"})

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows; an answer that was compared several times has the mean of its wins.

        A person's preference (the annotator is a number) is a label, a model's is a score.
        """
        gathered, wins = Gathered(), Wins()
        for row in rows:
            instruction = row.text("instruction")
            query = gathered.query(instruction, short_hash(instruction), row)
            query.query = instruction
            if "query" in wish.columns.columns:
                ask_mapped(query, row, wish)
            preference = _preference(row)
            if preference is None:
                wish.skipped["annotations without a preference"] += 1
            shares = (None, None) if preference is None else (2 - preference, preference - 1)
            for name, output, share in zip(_names(row), _OUTPUTS, shares, strict=True):
                candidate = query.candidate(name, row, row.text(output))
                wins.enter(candidate, _judge(row), share)
        wins.settle(wish)
        return gathered.rows(wish)


def _preference(row: ToolRow) -> float | None:
    preference = row.number("preference")
    if preference == 0:
        return 1.5
    if preference is not None and not 1 <= preference <= 2:
        raise row.refusal("preference", "must be from 1 to 2", preference)
    return preference


def _names(row: ToolRow) -> tuple[str, str]:
    """Return the names of the two answers: their models', or their places."""
    first, second = (row.text_or_none(f"generator_{place}") or f"output_{place}" for place in "12")
    return (first, second) if first != second else (f"{first}:1", f"{second}:2")


def _judge(row: ToolRow) -> str | None:
    """Return the model that judged; None for a person, whom a number names."""
    if not row.has("annotator"):
        return row.source or "preference"
    return None if isinstance(row.values["annotator"], int) else row.text("annotator")
