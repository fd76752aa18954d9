"""The queries of a tool's files, gathered from rows of one or several files, in any shape.

Several files of one task hold answers of several models to the same queries, or scores of several
verifiers for the same candidates: they become one query with all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow


@dataclass(slots=True)
class GatheredCandidate:
    """A candidate: its name within the query, its text, its scores by verifier, its label."""

    name: str
    query: str
    row: ToolRow
    text: str | None = None
    scores: dict[str, float | None] = field(default_factory=dict)
    label: float | None = None
    score_rows: dict[str, ToolRow] = field(default_factory=dict)

    def score(self, verifier: str, value: float | None, row: ToolRow) -> None:
        """Keep a verifier's score; raise `ToolRowError` for a second one, with both places."""
        if verifier in self.scores:
            other = self.score_rows[verifier]
            where = f"line {other.line}" + (f" of {other.file}" * (other.file != row.file))
            raise row.refusal(
                verifier,
                f"candidate {self.name!r} of query {self.query!r} has a score of this verifier on"
                f" {where} already: remove one of the two",
            )
        self.scores[verifier] = value
        self.score_rows[verifier] = row


@dataclass(slots=True)
class GatheredQuery:
    """A query as it is written: its id, its text or messages, and its candidates in order."""

    id: str
    line: int
    query: str | None = None
    messages: list[dict[str, str]] | None = None
    reference: str | None = None
    beside: dict[str, Any] = field(default_factory=dict)
    candidates: dict[str, GatheredCandidate] = field(default_factory=dict)

    def candidate(self, name: str, row: ToolRow, text: str | None = None) -> GatheredCandidate:
        """Return the candidate of a name, new or known; its text stays the first one."""
        candidate = self.candidates.setdefault(name, GatheredCandidate(name, self.id, row))
        if candidate.text is None:
            candidate.text = text
        elif text is not None and text != candidate.text:
            raise row.refusal("text", f"candidate {name!r} has two texts", text)
        return candidate

    def asked(self) -> dict[str, Any]:
        """Return what was asked, as fields of our rows."""
        asked: dict[str, Any] = (
            {"query": self.query} if self.messages is None else {"messages": self.messages}
        )
        return asked if self.reference is None else {**asked, "reference": self.reference}


@dataclass(slots=True)
class Gathered:
    """All queries of an import, by what tells them apart."""

    queries: dict[str, GatheredQuery] = field(default_factory=dict)

    def query(self, key: str, name: str, row: ToolRow) -> GatheredQuery:
        """Return the query of a key, new or known; a new one gets the id `name`."""
        return self.queries.setdefault(key, GatheredQuery(name, row.line))

    def rows(self, wish: Wish) -> Iterator[NumberedRow]:
        """Yield the rows in the wanted shape; raise `StartupError` where nothing is left."""
        self._part_ids()
        self._check_labels(wish)
        shapes = {"rankings": _rankings, "scores": _scores, "labels": _labels}
        empty = True
        for row in shapes[wish.shape](self, wish):
            empty = False
            yield row
        if empty:
            raise wish.nothing(wish.shape)

    def _check_labels(self, wish: Wish) -> None:
        """Correct what was understood of labels where no candidate has one."""
        source = wish.understood.get("labels", "none")
        if not source.startswith("none") and not any(
            candidate.label is not None
            for query in self.queries.values()
            for candidate in query.candidates.values()
        ):
            wish.understood["labels"] = f"none (looked for: {source})"

    def _part_ids(self) -> None:
        """Add a hash of the key to the ids that several queries share."""
        shared = Counter(query.id for query in self.queries.values())
        for key, query in self.queries.items():
            if shared[query.id] > 1:
                query.id = f"{query.id}-{short_hash(key)}"


def short_hash(text: str) -> str:
    """Return a name for a text that has none of its own."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _rankings(gathered: Gathered, wish: Wish) -> Iterator[NumberedRow]:
    for query in gathered.queries.values():
        candidates = list(query.candidates.values())
        if query.query is None and query.messages is None:
            wish.skipped["queries without a text"] += 1
        elif not candidates or any(candidate.text is None for candidate in candidates):
            wish.skipped["queries whose candidates have no text"] += 1
        else:
            yield query.line, _ranking(query, candidates)


def _ranking(query: GatheredQuery, candidates: list[GatheredCandidate]) -> dict[str, Any]:
    """Return a row of rankings; candidates whose names are their places are plain texts."""
    places = [str(place) for place in range(len(candidates))]
    texts: list[Any] = [candidate.text for candidate in candidates]
    if [candidate.name for candidate in candidates] != places:
        texts = [{"id": named.name[:256], "text": named.text} for named in candidates]
    labels = [candidate.label for candidate in candidates]
    row = {"id": query.id, **query.asked(), "candidates": texts, **query.beside}
    return row if labels == [None] * len(labels) else {**row, "labels": labels}


def _scores(gathered: Gathered, wish: Wish) -> Iterator[NumberedRow]:
    verifiers = dict.fromkeys(
        name
        for query in gathered.queries.values()
        for candidate in query.candidates.values()
        for name in candidate.scores
    )
    if not verifiers and gathered.queries:
        raise StartupError(
            f"{wish.file or 'the file'}: has no scores of verifiers, only answers and labels: rank"
            " it (assay batch; assay import --as rankings), and evaluate the result; assay import"
            " --as labels writes the labels alone"
        )
    for query in gathered.queries.values():
        for candidate in query.candidates.values():
            yield candidate.row.line, _score_row(query, candidate, verifiers)


def _score_row(
    query: GatheredQuery, candidate: GatheredCandidate, verifiers: Mapping[str, None]
) -> dict[str, Any]:
    row: dict[str, Any] = {"query_id": query.id, "candidate": candidate.name}
    if candidate.text is not None:
        row["text"] = candidate.text
    row["scores"] = {name: candidate.scores.get(name) for name in verifiers}
    return row if candidate.label is None else {**row, "label": candidate.label}


def _labels(gathered: Gathered, wish: Wish) -> Iterator[NumberedRow]:
    for query in gathered.queries.values():
        for candidate in query.candidates.values():
            if query.query is None and query.messages is None:
                wish.skipped["candidates whose query has no text"] += 1
            elif candidate.text is None:
                wish.skipped["candidates without a text"] += 1
            elif candidate.label is None:
                wish.skipped["candidates without a label"] += 1
            else:
                row = {**query.asked(), "candidate": candidate.text, "correct": candidate.label}
                yield candidate.row.line, row
