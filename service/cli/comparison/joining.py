"""The candidates of two systems side by side: those of the queries that both answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.service.cli.comparison.candidate_rows import CandidateRow, SystemFile
from assay.service.cli.comparison.row_values import ComparisonError

#: By what candidates of both systems are the same: their text or key, or their name; or they are
#: never the same.
Identity = Literal["content", "name", "own"]


@dataclass(frozen=True, slots=True)
class JoinedCandidate:
    """A candidate, with the row that each system has for it."""

    code: int
    first: CandidateRow | None
    second: CandidateRow | None

    @property
    def rows(self) -> list[CandidateRow]:
        """Return the rows of it: one or two."""
        return [row for row in (self.first, self.second) if row is not None]


@dataclass(frozen=True, slots=True)
class JoinedSystems:
    """Candidates by query, from 0; `left_out`: queries that only one system has, of each."""

    candidates: list[JoinedCandidate]
    queries: int
    left_out: tuple[int, int]
    identity: Identity


def joined(first: SystemFile, second: SystemFile, own: bool) -> JoinedSystems:
    """Return the candidates of the common queries.

    `own`: candidates of one name differ, unless texts or keys show that they do not. Raises
    `ComparisonError` if no query is common.
    """
    ours, theirs = first.queries, second.queries
    common = [query for query in ours if query in theirs]
    if not common:
        raise ComparisonError(
            f"{first.path} and {second.path} have no query in common: their first `query_id` are"
            f" {next(iter(ours))[:60]!r} and {next(iter(theirs))[:60]!r}; name the columns by --map"
            " query_id=COLUMN"
        )
    identity: Identity = "own" if own and not _alike(first, second) else "name"
    by_key = all(row.key is not None for file in (first, second) for row in file.rows)
    if by_key or (first.has_content and second.has_content and _texts(first, second)):
        identity = "content"
    same = {
        "content": lambda row: row.key if by_key else row.text,
        "name": lambda row: row.name,
        "own": lambda row: None,
    }[identity]
    candidates = [
        candidate
        for code, query in enumerate(common)
        for candidate in _of_query(code, ours[query], theirs[query], same)
    ]
    left_out = (len(ours) - len(common), len(theirs) - len(common))
    return JoinedSystems(candidates, len(common), left_out, identity)


def _texts(first: SystemFile, second: SystemFile) -> bool:
    return all(row.text is not None for file in (first, second) for row in file.rows)


def _alike(first: SystemFile, second: SystemFile) -> bool:
    """Return whether both systems are the same rows."""
    fields = [
        [(row.query, row.name, row.group, str(row.probability), str(row.score)) for row in rows]
        for rows in (first.rows, second.rows)
    ]
    return first.path.resolve() == second.path.resolve() and fields[0] == fields[1]


def _of_query(
    code: int,
    first: Sequence[CandidateRow],
    second: Sequence[CandidateRow],
    same: Callable[[CandidateRow], str | None],
) -> list[JoinedCandidate]:
    """Return a query's candidates: the first system's in order, then those of the second alone.

    Texts that occur several times are paired in order.
    """
    waiting: dict[str, list[CandidateRow]] = {}
    for row in reversed(second):
        if (name := same(row)) is not None:
            waiting.setdefault(name, []).append(row)
    pairs = []
    taken: set[int] = set()
    for row in first:
        name = same(row)
        match = waiting[name].pop() if name is not None and waiting.get(name) else None
        taken |= {id(match)} if match is not None else set()
        pairs.append(JoinedCandidate(code, row, match))
    return pairs + [JoinedCandidate(code, None, row) for row in second if id(row) not in taken]
