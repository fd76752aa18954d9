"""Keeps raw scores by everything that determines them.

One value a candidate, `{H(query)}:H(candidate)`, and one a set of candidates,
`{H(query)}:set:H(set)`: packed records, each with one verifier's fingerprint and its score. A
request is one MGET, and after the answer one packed write.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import structlog

from assay.service.concurrency.fair_queue import PAIRS_A_PIECE, FairQueue
from assay.service.domain.matrix import CachedColumn, ScoreMatrix
from assay.service.domain.score_keys import Keys
from assay.service.store.claims import claim
from assay.service.store.client import Store
from assay.service.store.schema import SCORE_PREFIX
from assay.verifiers import LASTING, Status
from assay.verifiers.contract.bounds import MAX_SCORE

log = structlog.get_logger()

CACHED_SCORE = np.dtype(
    [
        ("fingerprint", "<u8"),
        ("score", "<f8"),
        ("expires", "<u4"),
        ("label_mass", "<f4"),
        ("truncated", "<u4"),
        ("status", "<u4"),
    ]
)
MAX_RECORDS = 64  # verifiers remembered of one candidate; the newest stay

#: Which statuses are worth remembering, by number.
LASTS = np.zeros(256, bool)
LASTS[[int(status) for status in LASTING]] = True

OK_CODE, NOT_APPLICABLE_CODE = (
    int(Status.OK),
    int(Status.NOT_APPLICABLE),
)  # an array compares with a number faster
Records = npt.NDArray[np.void]


class ScoreCache:
    """Reads and writes scores; a store that is down is a cache that knows nothing."""

    def __init__(self, store: Store, ttl_s: int) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._unwritten: dict[str, bytes] = {}  # answered already, and on their way to the store

    async def read(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        fair_queue: FairQueue | None = None,
    ) -> dict[str, bytes]:
        """Fill a matrix with the known scores, and return the stored values, for the later write.

        `fair_queue`: the queue of a large request before it fills the matrix. Raises
        `StoreError`.
        """
        names = [*keys.pairs, *([keys.whole] if keys.whole else [])]
        values = await self._store.fetch([SCORE_PREFIX + name for name in names])
        if fair_queue is not None:
            await fair_queue.yield_to_others(len(keys.pairs))
        stored: dict[str, bytes] = {
            name: value for name, value in zip(names, values, strict=True) if value
        }
        if self._unwritten:
            stored |= {name: self._unwritten[name] for name in names if name in self._unwritten}
        self._fill_pointwise(keys, columns, matrix, stored)
        if keys.whole and keys.whole in stored:
            self._fill_setwise(keys, columns, matrix, stored[keys.whole])
        return stored

    async def write(self, values: dict[str, bytes]) -> None:
        """Keep values until they expire; raise `StoreError`."""
        try:
            if values:
                await self._store.set_many(
                    {SCORE_PREFIX + name: value for name, value in values.items()}, self._ttl_s
                )
        finally:
            self.forget(values)

    async def claim(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
    ) -> None:
        """Keep a matrix's new scores, but take those that another process kept first.

        So a pair has one score, whichever process was asked, of verifiers that would give another
        one each time. Raises `StoreError`.
        """
        values = self.pack(keys, columns, matrix, stored)
        self.forget(values)  # not to be answered from: they may not be the first
        most = MAX_RECORDS * max(1, len(keys.set_order))
        names = list(values)
        for start in range(0, len(names), PAIRS_A_PIECE):
            some = {
                SCORE_PREFIX + name: values[name] for name in names[start : start + PAIRS_A_PIECE]
            }
            kept = await claim(self._store, some, most, self._ttl_s)
            values |= {name.removeprefix(SCORE_PREFIX): value for name, value in kept.items()}
        self._take(keys, columns, matrix, values)

    def _take(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        values: dict[str, bytes],
    ) -> None:
        """Have a matrix's new scores be the kept ones, where they differ."""
        kept = ScoreMatrix(*matrix.raw.shape)
        self._fill_pointwise(keys, columns, kept, values)
        if keys.whole and keys.whole in values:
            self._fill_setwise(keys, columns, kept, values[keys.whole])
        differ = kept.cached & matrix.fresh & LASTS[matrix.status]
        differ &= (kept.raw != matrix.raw) & ~(np.isnan(kept.raw) & np.isnan(matrix.raw))
        for name in ("raw", "status", "label_mass", "truncated", "cached"):
            getattr(matrix, name)[differ] = getattr(kept, name)[differ]
        matrix.fresh[differ] = False
        for row, column in np.argwhere(differ).tolist():
            matrix.reasons.pop((row, column), None)

    def forget(self, values: dict[str, bytes]) -> None:
        """Stop answering from values on their way to the store: their write has ended."""
        for name, value in values.items():
            if self._unwritten.get(name) is value:
                del self._unwritten[name]

    def pack(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
    ) -> dict[str, bytes]:
        """Return the values to write after a request: stored ones that still hold, and new ones."""
        values: dict[str, bytes] = {}
        for some in self.packing(keys, columns, matrix, stored, len(keys.pairs)):
            values |= some
        return values

    def packing(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
        at_once: int,
    ) -> Iterator[dict[str, bytes]]:
        """Yield the same, those of so many pairs at a time."""
        new = matrix.fresh & LASTS[matrix.status]
        for row, column in matrix.reasons:
            if (
                matrix.status[row, column] == OK_CODE
            ):  # scored, but not as it should be: another time it may be
                new[row, column] = False
        new &= (matrix.status != OK_CODE) | ~np.isnan(matrix.raw)
        setwise = np.array([column.setwise for column in columns])
        pointwise = new & ~setwise
        if pointwise.any():
            table = self._table(columns, matrix)
            whole_rows = pointwise[:, ~setwise].all(axis=1)
            plain = table[:, ~setwise]
            places = np.flatnonzero(pointwise.any(axis=1)).tolist()
            for some in range(0, len(places), at_once):
                values: dict[str, bytes] = {}
                for place in places[some : some + at_once]:
                    records = plain[place] if whole_rows[place] else table[place][pointwise[place]]
                    values[keys.pairs[place]] = _merged(stored.get(keys.pairs[place]), records)
                self._unwritten |= values
                yield values
        if keys.whole:
            order = np.array(keys.set_order)
            compared = [column for column in np.flatnonzero(setwise) if new[:, column].all()]
            if compared:
                records = self._table(columns, matrix)[order][:, compared].T.reshape(-1)
                values = {
                    keys.whole: _merged(stored.get(keys.whole), records, MAX_RECORDS * len(order))
                }
                self._unwritten |= values
                yield values

    def _table(self, columns: Sequence[CachedColumn], matrix: ScoreMatrix) -> Records:
        """Return a matrix as records, shape (pairs, verifiers)."""
        table = np.empty(matrix.raw.shape, CACHED_SCORE)
        table["fingerprint"] = np.array([column.fingerprint for column in columns], np.uint64)
        table["score"] = matrix.raw
        table["expires"] = int(time.time()) + self._ttl_s
        table["label_mass"] = matrix.label_mass
        table["truncated"] = matrix.truncated
        table["status"] = matrix.status
        return table

    def _fill_pointwise(
        self,
        keys: Keys,
        columns: Sequence[CachedColumn],
        matrix: ScoreMatrix,
        stored: dict[str, bytes],
    ) -> None:
        values = [stored.get(name, b"") for name in keys.pairs]
        places = [place for place, column in enumerate(columns) if not column.setwise]
        if not any(values):
            return
        records, counts = self._parse(values, columns)
        if len(records) == len(values) * len(places) and (counts == len(places)).all():
            # The common case, as one request wrote it: every pair has a record of each verifier, in
            # order.
            table = records.reshape(len(values), len(places))
            if (table["fingerprint"] == [columns[place].fingerprint for place in places]).all():
                _fill(matrix, np.arange(len(values))[:, None], np.array(places), table)
                return
        rows = np.repeat(np.arange(len(values)), counts)
        for place in places:
            hit = records["fingerprint"] == columns[place].fingerprint
            _fill(matrix, rows[hit], place, records[hit])

    def _fill_setwise(
        self, keys: Keys, columns: Sequence[CachedColumn], matrix: ScoreMatrix, value: bytes
    ) -> None:
        records, _ = self._parse([value], columns)
        rows = np.array(keys.set_order)
        for place, column in enumerate(columns):
            if column.setwise:
                records_of_column = records[records["fingerprint"] == column.fingerprint]
                if len(records_of_column) == len(rows):
                    _fill(matrix, rows, place, records_of_column)

    def _parse(
        self, values: Sequence[bytes], columns: Sequence[CachedColumn]
    ) -> tuple[Records, npt.NDArray[np.intp]]:
        """Return the records that still hold, and the number in each value.

        It counts damaged ones, and leaves them out.
        """
        size = CACHED_SCORE.itemsize
        counts, beyond = np.divmod(np.array(list(map(len, values))), size)
        if beyond.any():
            self._damaged(int(np.count_nonzero(beyond)))
            values = [
                b"" if odd else value for value, odd in zip(values, beyond.tolist(), strict=True)
            ]
            counts[beyond > 0] = 0
        records = np.frombuffer(b"".join(values), CACHED_SCORE)
        holds, sound = records["expires"] > time.time(), _sound(records)
        # one of an unused verifier would count again and again: nothing replaces it
        if not sound.all():
            wanted = np.array([column.fingerprint for column in columns], np.uint64)
            self._damaged(int(np.isin(records["fingerprint"][holds & ~sound], wanted).sum()))
            holds &= sound
        if not holds.all():
            counts = np.add.reduceat(
                np.append(holds, False), np.append(0, counts.cumsum()[:-1])
            ) * (counts > 0)
            records = records[holds]
        return records, counts

    def _damaged(self, count: int) -> None:
        """Count and log damaged records; the next call's score takes their place."""
        if count:
            log.warning("stored_scores_damaged", count=count)
            self._store.damaged("scores", count)


def _sound(records: Records) -> npt.NDArray[np.bool_]:
    """Return which records are valid: a finite score, or "does not apply"."""
    score, status = records["score"], records["status"]
    sound: npt.NDArray[np.bool_] = (status == OK_CODE) & (np.abs(score) <= MAX_SCORE)
    if not sound.all():
        sound |= (status == NOT_APPLICABLE_CODE) & np.isnan(score)
    sound &= ~np.isinf(records["label_mass"])
    return sound


def _fill(
    matrix: ScoreMatrix,
    rows: npt.NDArray[np.intp],
    column: int | npt.NDArray[np.intp],
    records: Records,
) -> None:
    if records.size:
        matrix.raw[rows, column] = records["score"]
        matrix.status[rows, column] = records["status"]
        matrix.label_mass[rows, column] = records["label_mass"]
        matrix.truncated[rows, column] = records["truncated"]
        matrix.cached[rows, column] = True


def _merged(old: bytes | None, records: Records, limit: int = MAX_RECORDS) -> bytes:
    """Return the new records behind the old ones that they do not replace and that still hold."""
    if not old or len(old) % CACHED_SCORE.itemsize:
        return records.tobytes()
    before = np.frombuffer(old, CACHED_SCORE)
    keep = before[
        (before["expires"] > time.time()) & ~np.isin(before["fingerprint"], records["fingerprint"])
    ]
    return np.concatenate([keep, records])[-limit:].tobytes()
