"""One system's candidates, read from a file and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.service.cli.comparison.flat_rows import MAP_FIELDS, FlatRow, flat_rows
from assay.service.cli.comparison.row_values import (
    ComparisonError,
    flag_value,
    label_value,
    name_value,
    number_value,
    refuse_missing,
    share_value,
    text_value,
)
from assay.service.domain.score_keys import (
    CANDIDATE_KEY,
    candidate_key,
    hash_candidate,
    hash_query,
)
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.id_doubts import MISSING_IDS
from assay.verifiers import Query

#: The name of a query, as keys begin with it.
QUERY_KEY = r"[0-9a-f]{32}"


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A candidate; NaN or None for what its row does not state. `group`: its generator."""

    place: str
    query: str
    name: str
    key: str | None
    text: str | None
    probability: float
    score: float
    label: float
    random: bool | None
    group: str | None


@dataclass(frozen=True, slots=True)
class SystemFile:
    """A system: its name and its candidates, in the order of the file.

    `named`: its rows name the candidates; otherwise their place in the query does. `columns`: which
    columns hold which field; `verifiers`: those of a score table, `in_objects`: in `scores`.
    """

    name: str
    path: Path
    rows: list[CandidateRow]
    named: bool
    columns: Mapping[str, str] = field(default_factory=dict)
    verifiers: tuple[str, ...] = ()
    in_objects: bool = False

    @property
    def queries(self) -> dict[str, list[CandidateRow]]:
        """Return the candidates by query, queries in the order of the file."""
        by_query: dict[str, list[CandidateRow]] = {}
        for row in self.rows:
            by_query.setdefault(row.query, []).append(row)
        return by_query

    @property
    def has_content(self) -> bool:
        """Return whether each row has a text or a key, which identify its candidate."""
        return all(row.key is not None for row in self.rows) or all(
            row.text is not None for row in self.rows
        )


def read_system(path: Path, columns: ColumnMap, extra: str | None = None) -> SystemFile:
    """Return the candidates of a file; raise `ComparisonError` for a wrong row, with its place."""
    if unknown := [name for name in columns if name not in MAP_FIELDS]:
        raise ComparisonError(
            f"--map: no field {unknown[0][:40]!r}; there are {', '.join(sorted(MAP_FIELDS))}"
        )
    refuse_missing(path)
    used: dict[str, dict[str, None]] = {}
    rows = list(_checked(flat_rows(path, columns, extra), extra, used))
    if not rows:
        raise ComparisonError(f"{path}: has no candidates")
    _refuse_duplicates(rows)
    by_field = {name: " or ".join(of) for name, of in used.items()}
    return SystemFile(
        name=path.name, path=path, rows=rows, named="candidate" in used, columns=by_field
    )


def _checked(
    flat: Iterable[FlatRow], extra: str | None, used: dict[str, dict[str, None]]
) -> Iterator[CandidateRow]:
    """Yield the rows, and enter the columns that they use; all name their candidate, or none."""
    counts: dict[tuple[str, str | None], int] = {}
    named: bool | None = None
    for place, fields in flat:
        for field_name, column in fields["used"].items():
            used.setdefault(field_name, {})[column] = None
        query = name_value(place, "query_id", fields.get("query_id"))
        if query in MISSING_IDS:
            raise ComparisonError(
                f"{place}: query_id: {query!r} stands for a missing id: give every row the id of"
                " its query"
            )
        if query is None:
            listed = ", ".join(sorted(map(str, fields.get("columns", []))))[:200]
            raise ComparisonError(
                f"{place}: has no `query_id` (its columns: {listed}); name its column by"
                " --map query_id=COLUMN"
            )
        group = name_value(place, "group", fields.get("group"))
        if extra is not None and group is None:
            raise ComparisonError(f"{place}: has no `{extra}`, the column of --between")
        number = counts[query, group] = counts.get((query, group), -1) + 1
        name = name_value(place, "candidate", fields.get("candidate"))
        named = name is not None if named is None else named
        if named != (name is not None):
            has = "no" if named else "a"
            raise ComparisonError(f"{place}: has {has} `candidate`, unlike the rows before it")
        text = text_value(place, "text", fields.get("text"))
        yield CandidateRow(
            place=place,
            query=query,
            name=str(number) if name is None else name,
            key=_key_of(fields, text),
            text=text,
            probability=share_value(place, "probability", fields.get("probability")),
            score=number_value(place, "score", fields.get("score")),
            label=label_value(place, "label", fields.get("label")),
            random=flag_value(place, "random", fields.get("random")),
            group=group,
        )


def _key_of(fields: Mapping[str, Any], text: str | None) -> str | None:
    """Return the key that a service gives the candidate: its own, or one of its text and query."""
    key, query = fields.get("key"), fields.get("query")
    if isinstance(key, str) and re.fullmatch(CANDIDATE_KEY, key):
        return key
    if text is None:
        return None
    if isinstance(key, str) and re.fullmatch(QUERY_KEY, key):
        return candidate_key(key, hash_candidate(text))
    if isinstance(query, str):
        return candidate_key(hash_query(Query.of(query)), hash_candidate(text))
    return None


def _refuse_duplicates(rows: Iterable[CandidateRow]) -> None:
    seen: dict[tuple[str, str, str | None], CandidateRow] = {}
    for row in rows:
        first = seen.setdefault((row.query, row.name, row.group), row)
        if first is not row:
            raise ComparisonError(
                f"{row.place}: candidate {row.name[:40]!r} of query {row.query[:40]!r} is also in"
                f" {first.place}: keep one of them"
            )
