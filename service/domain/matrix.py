"""A request's raw scores of every pair by every verifier, and how each came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.service.domain.redaction import redacted_reason
from assay.verifiers import PARTIAL, Status, Usage, Verdict

UNKNOWN = 255
MOST_TRUNCATED = 2**32 - 1
OK = Status.OK  # looking a member up in its class costs more than the comparison
_IS_PARTIAL = np.zeros(256, bool)
_IS_PARTIAL[[int(status) for status in PARTIAL]] = True
#: Those after which another try may help.
_IS_FAILURE = np.zeros(256, bool)
_IS_FAILURE[[int(Status.TIMEOUT), int(Status.ERROR)]] = True


class ScoreMatrix:
    """Arrays of shape (pairs, verifiers).

    A raw score is NaN, and a status UNKNOWN, until something is known.
    """

    __slots__ = (
        "any_fresh",
        "cached",
        "fresh",
        "label_mass",
        "latency_ms",
        "raw",
        "reasons",
        "status",
        "truncated",
        "usage",
    )

    def __init__(self, pairs: int, verifiers: int) -> None:
        shape = (pairs, verifiers)
        self.raw: npt.NDArray[np.float64] = np.full(shape, np.nan)
        self.status: npt.NDArray[np.uint8] = np.full(shape, UNKNOWN, np.uint8)
        self.label_mass: npt.NDArray[np.float32] = np.full(shape, np.nan, np.float32)
        self.truncated: npt.NDArray[np.uint32] = np.zeros(shape, np.uint32)
        self.cached: npt.NDArray[np.bool_] = np.zeros(shape, bool)
        self.fresh: npt.NDArray[np.bool_] = np.zeros(shape, bool)
        self.any_fresh = False
        self.latency_ms: list[float | None] = [None] * verifiers
        self.reasons: dict[tuple[int, int], str] = {}
        self.usage = Usage()

    def put(self, row: int, column: int, verdict: Verdict) -> None:
        """Enter a verdict."""
        self.fresh[row, column] = self.any_fresh = True
        self.status[row, column] = verdict.status
        if verdict.score is not None:
            self.raw[row, column] = verdict.score
        if verdict.label_mass is not None:
            self.label_mass[row, column] = verdict.label_mass
        if verdict.truncated_tokens:
            self.truncated[row, column] = min(max(0, verdict.truncated_tokens), MOST_TRUNCATED)
        if verdict.reason is not None:
            self.reasons[row, column] = redacted_reason(verdict.reason)

    def put_all(self, column: int, verdicts: Sequence[tuple[int, Verdict]]) -> None:
        """Enter one verifier's verdicts of some rows: plain scores at once, others one by one."""
        rows: list[int] = []
        scores: list[float | None] = []
        for row, verdict in verdicts:
            plain = (
                verdict.reason is None
                and verdict.label_mass is None
                and verdict.truncated_tokens is None
            )
            if plain and verdict.status is OK:
                rows.append(row)
                scores.append(verdict.score)
            else:
                self.put(row, column, verdict)
        if rows:
            at = slice(None) if rows == list(range(len(self.raw))) else np.array(rows)
            self.fresh[at, column] = self.any_fresh = True
            self.status[at, column] = OK
            self.raw[at, column] = scores

    def unknown_rows(self, column: int) -> list[int]:
        """Return the pairs that still lack a verifier's score."""
        rows: list[int] = np.flatnonzero(self.status[:, column] == UNKNOWN).tolist()
        return rows

    @property
    def complete(self) -> bool:
        """Return whether nothing is left to ask."""
        return not (self.status == UNKNOWN).any()

    @property
    def partial(self) -> bool:
        """Return whether a verifier failed at something."""
        return bool(
            self.any_fresh and _IS_PARTIAL[self.status].any()
        )  # a cached score is no failure

    @property
    def failed(self) -> bool:
        """Return whether a verifier is away or broken; a scorer's null is an answer."""
        return bool(_IS_FAILURE[self.status].any())

    def failed_at(self, row: int) -> bool:
        """Return whether a verifier is away or broken for a pair."""
        return bool(_IS_FAILURE[self.status[row]].any())

    @property
    def has_score(self) -> bool:
        """Return whether any verifier scored any pair."""
        return not np.isnan(self.raw).all()


@dataclass(slots=True)
class CachedColumn:
    """A verifier as the cache sees it."""

    fingerprint: int
    setwise: bool
