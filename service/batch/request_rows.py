"""A ranking of an input file as the request that it makes, and what is carried over beside it."""

from __future__ import annotations

from typing import Any

from assay.service.batch.formats import REQUEST, RESULT, Row
from assay.service.batch.ranking_rows import RankingRow
from assay.service.batch.set_aside import unwritable
from assay.service.row_files.problems import RowProblem

RESULT_COLUMNS = frozenset(RESULT)


def as_request(
    number: int, ranking: RankingRow, dropped: frozenset[str]
) -> tuple[Row, dict[str, Any]]:
    """Return a row's request, or why it is none, and its columns that the output has."""
    fields = ranking.row
    if isinstance(fields, RowProblem):
        return _bad(number, ranking, fields.reason), _carried_of_bad(ranking.came, dropped)
    taken = sorted((fields.keys() - REQUEST) & RESULT_COLUMNS)
    if taken:
        problem = f"{taken[0]!r} is also one of the output's columns; rename it"
        return _bad(number, ranking, problem), _carried_of_bad(ranking.came, dropped)
    if (problem_of_writing := unwritable(fields)) is not None:
        return _bad(number, ranking, problem_of_writing), {}
    beside = {name: value for name, value in fields.items() if name not in dropped}
    body = {name: value for name, value in fields.items() if name in REQUEST}
    return Row(number, body, came=ranking.came, origin=ranking.origin), beside


def _bad(number: int, ranking: RankingRow, problem: str) -> Row:
    return Row(number, None, problem, ranking.came, ranking.origin)


def _carried_of_bad(came: Any, dropped: frozenset[str]) -> dict[str, Any]:
    """Return the columns of a row that is no request, where they can stand beside its error."""
    if not isinstance(came, dict) or unwritable(came) is not None:
        return {}
    left_out = dropped | RESULT_COLUMNS
    return {name: value for name, value in came.items() if name not in left_out}
