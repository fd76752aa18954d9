"""The output of `assay rank` and `assay batch` as rows of scores, in the request's order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.service.domain.score_keys import candidate_key, hash_candidate
from assay.service.score_files.columns.label_columns import check_carried_labels
from assay.service.score_files.score_table import TableError

NOT_EXPLAINED = (
    'has answers without the verifiers\' scores: rank the rows again without "explain": false, or'
    ' ask the service with "explain": true'
)
#: What an answer says of a candidate beside its scores; the rest is carried along.
OF_RESULTS = frozenset(
    ("rank", "probability", "score", "fully_scored", "verifiers", "key", "id", "reward")
)


@dataclass(slots=True)
class RankedRows:
    """Rows of candidates, with the line of each query, and what was left out.

    `keys`: the hash of each row's query, None where the file has none.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    cut: int = 0
    failed: int = 0

    def add(self, line: int, row: dict[str, Any], key: str | None) -> None:
        """Add a candidate."""
        self.rows.append(row)
        self.lines.append(line)
        self.keys.append(key)

    @property
    def note(self) -> str:
        """Return how many queries have no rows, and why."""
        parts = []
        if self.failed:
            parts.append(f"{self.failed} queries have no scores")
        if self.cut:
            parts.append(f"{self.cut} are left out: a cascade did not ask every verifier")
        return "; ".join(parts)


def rows_of_answers(
    path: Path, answers: Iterable[tuple[int, dict[str, Any]]], labels: bool
) -> RankedRows:
    """Return a row for each candidate of answers to /v1/rank, as `assay rank` writes them.

    A carried column `labels` is read only if asked.
    Errors have no rows, nor do queries in which a cascade cut a candidate: there, which scores are
    missing depends on the scores.
    """
    ranked, lines = RankedRows(), dict[str, int]()
    for line, answer in answers:
        results = answer.get("results") or []
        if any(map(_is_cut, results)):
            ranked.cut += 1
            continue
        if not results:
            ranked.failed += 1
            continue
        query_id, key = _query_of(answer, results)
        if key is None and lines.setdefault(query_id, line) != line:
            raise TableError(
                f"{path}: lines {lines[query_id]} and {line} are both answers to query"
                f" {query_id!r}, and no `key` says which query each was: rank the queries again"
                " with this version"
            )
        for row in _rows_of_results(path, line, answer, labels):
            ranked.add(line, {"query_id": query_id, **row}, key)
    return ranked


def _is_cut(result: Any) -> bool:
    return isinstance(result, dict) and result.get("fully_scored") is False


def _query_of(answer: Mapping[str, Any], results: Sequence[Any]) -> tuple[Any, str | None]:
    """Return the id of an answer's query, and its hash; None where the answer has none.

    The id is the query's own, else the hash, else the line of the request's file.
    """
    key = answer.get("key")
    if not isinstance(key, str):
        key = results[0].get("key") if isinstance(results[0], dict) else None
    of_query = key.partition(":")[0] if isinstance(key, str) else None
    own = answer.get("query_id", answer.get("id"))
    generated = isinstance(own, str) and own.startswith(("line-", "req-", "req_"))
    if own is None or generated:
        own = of_query or str(answer.get("line", own))
    return own, of_query


def _rows_of_results(
    path: Path, line: int, answer: Mapping[str, Any], labels: bool
) -> Iterator[dict[str, Any]]:
    """Yield the rows of an answer; its results come best first, and its rows in their order."""
    results = answer["results"]
    if not all(map(_is_explained, results)):
        raise TableError(f"{path}: {NOT_EXPLAINED}")
    candidates = candidate_columns(answer)
    carried = answer.get("labels") if labels else None
    if carried is not None:
        place = {"row": answer.get("line", line), "file": answer.get("file", path)}
        check_carried_labels(path, place, carried, len(candidates) or len(results))
    for result in sorted(results, key=_index):
        index = _index(result)
        row = {name: value for name, value in result.items() if name not in OF_RESULTS}
        row["scores"] = {
            name: verifier.get("raw") for name, verifier in result["verifiers"].items()
        }
        row |= candidates[index] if index < len(candidates) else {"candidate": index}
        if result.get("id") is not None:
            row["candidate"] = result["id"]
        if isinstance(result.get("key"), str):
            row["key"] = result["key"]
        if carried is not None and index < len(carried):
            row.setdefault("label", carried[index])
        yield row


def _is_explained(result: Any) -> bool:
    verifiers = result.get("verifiers") if isinstance(result, dict) else None
    return isinstance(verifiers, dict) and all(
        isinstance(verifier, dict) for verifier in verifiers.values()
    )


def _index(result: Mapping[str, Any]) -> int:
    index = result.get("index")
    return index if isinstance(index, int) and index >= 0 else 0


def candidate_columns(ranking: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return id (else the place), text and key of each candidate of a row; nothing without any."""
    candidates, of_query = ranking.get("candidates"), ranking_key(ranking)
    if not isinstance(candidates, list):
        return []
    rows = []
    for place, candidate in enumerate(candidates):
        stated = candidate if isinstance(candidate, dict) else {"text": candidate}
        own = stated.get("id")
        text = stated.get("text")
        hashed = hash_candidate(text) if of_query and isinstance(text, str) else None
        rows.append(
            {
                "candidate": place if own is None else own,
                "text": text,
                **({"key": candidate_key(of_query, hashed)} if of_query and hashed else {}),
            }
        )
    return rows


def rows_of_rankings(
    path: Path, rankings: Iterable[tuple[int, dict[str, Any]]], labels: bool
) -> RankedRows:
    """Return a row for each candidate of rows that `assay batch` wrote.

    Those without scores have none. A carried column `labels` is read only if asked.
    """
    ranked = RankedRows()
    for line, ranking in rankings:
        raw = ranking.get("raw")
        if raw is None:
            ranked.failed += 1
            continue
        if (
            not isinstance(raw, dict)
            or not isinstance(ranking.get("score"), list)
            or "row" not in ranking
        ):
            raise TableError(f"{path}: has `raw`, but not in the form that `assay batch` writes")
        carried = ranking.get("labels") if labels else None
        if carried is not None:
            check_carried_labels(path, ranking, carried, len(ranking["score"]))
        candidates = candidate_columns(ranking)
        for place in range(len(ranking["score"])):
            row = {
                "query_id": ranking_id(ranking),
                "scores": {name: None if of is None else of[place] for name, of in raw.items()},
                "index": place,
                **(candidates[place] if place < len(candidates) else {"candidate": place}),
                **({} if carried is None else {"labels": carried[place]}),
            }
            ranked.add(line, row, ranking_key(ranking))
    return ranked


def ranking_id(ranking: Mapping[str, Any]) -> Any:
    """Return the query's own id in a row of `assay batch`, else its hash, else file and row."""
    for name in ("query_id", "id"):
        if (own := ranking.get(name)) is not None:
            return own
    return ranking_key(ranking) or f"{ranking.get('file')}:{ranking['row']}"


def ranking_key(ranking: Mapping[str, Any]) -> str | None:
    """Return the hash of the query of a row of `assay batch`; None where it has none."""
    key = ranking.get("key")
    return key.partition(":")[0] if isinstance(key, str) else None
