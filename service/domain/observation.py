"""A ranked request as its task keeps it: hashes, verifiers, raw scores, no text.

One entry of the task's stream:

    n  the request's name: query and set of candidates, so that the same request is kept once
    q  the query's hash, 16 bytes
    k  the candidates' hashes, 16 bytes each
    f  the verifiers' fingerprints, 8 bytes each
    s  raw scores, float64, candidates x verifiers, NaN where missing
    v  the model version that answered
    t  query, candidates and messages as JSON, only if the task stores texts
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import orjson

from assay.aggregation import Floats
from assay.service.domain.score_keys import SIZE, Keys, candidate_key
from assay.service.domain.stored_values import json_object
from assay.verifiers import Message, Pair, Query

SCORE_TYPE = np.dtype("<f8")
PRINTS = np.dtype("<u8")


@dataclass(frozen=True, slots=True)
class RankedTexts:
    """The ranked texts; candidates by hash.

    `messages`: the turns of a query that is more than one user's turn; else empty, as in a request
    that an earlier build kept.
    """

    query: str
    candidates: dict[str, str]
    messages: tuple[Message, ...] = ()

    @property
    def turns(self) -> tuple[Message, ...]:
        """Return the query as a conversation."""
        return self.messages or (Message("user", self.query),)


@dataclass(frozen=True, slots=True)
class Observation:
    """One ranked request."""

    name: str
    query: str  # hash, hexadecimal
    candidates: tuple[str, ...]
    fingerprints: tuple[int, ...]
    scores: Floats  # (candidates, verifiers)
    version: str
    texts: RankedTexts | None = None
    at: tuple[int, int] = (0, 0)  # its place in the stream

    @property
    def missing(self) -> int:
        """Return how many scores are missing: a repeated request with fewer replaces this one."""
        return int(np.isnan(self.scores).sum())

    def without_texts(self) -> Observation:
        """Return the same request, for use beside many others."""
        return replace(self, texts=None)


def record_of(
    keys: Keys,
    fingerprints: Sequence[int],
    raw: Floats,
    version: str,
    pairs: Sequence[Pair] | None = None,
) -> Observation:
    """Return a ranked request's record, with texts if given; repeated candidates count once."""
    query, names = keys.query, keys.candidates()
    first = {name: row for row, name in reversed(list(enumerate(names)))}
    candidates = sorted(first)
    scores = np.where(np.isfinite(raw), raw, np.nan)[[first[candidate] for candidate in candidates]]
    texts = None
    if pairs is not None:
        ranked_query = pairs[0].query
        texts = RankedTexts(
            ranked_query.text,
            {candidate: pairs[first[candidate]].candidate for candidate in candidates},
            () if _is_one_user_turn(ranked_query) else ranked_query.messages,
        )
    return Observation(
        name=keys.whole or query,
        query=query,
        candidates=tuple(candidates),
        fingerprints=tuple(fingerprints),
        scores=scores,
        version=version,
        texts=texts,
    )


def _is_one_user_turn(query: Query) -> bool:
    return [message.role for message in query.messages] == ["user"]


def pack(record: Observation) -> dict[bytes, bytes]:
    """Return a record as a stream's entry."""
    texts = {} if record.texts is None else {b"t": _packed(record.texts)}
    return texts | {
        b"n": record.name.encode(),
        b"q": bytes.fromhex(record.query),
        b"k": bytes.fromhex("".join(record.candidates)),
        b"f": np.array(record.fingerprints, PRINTS).tobytes(),
        b"s": record.scores.astype(SCORE_TYPE).tobytes(),
        b"v": record.version.encode(),
    }


def _packed(texts: RankedTexts) -> bytes:
    """Return texts as JSON, with messages where the query's text does not say all."""
    messages = {"messages": texts.messages} if texts.messages else {}
    return orjson.dumps({"query": texts.query, "candidates": texts.candidates, **messages})


def place_of(entry_id: bytes) -> tuple[int, int]:
    """Return an entry's place: milliseconds, and a number within them."""
    milliseconds, _, number = entry_id.decode().partition("-")
    return int(milliseconds), int(number)


def unpack(entry_id: bytes, entry: Mapping[bytes, bytes]) -> Observation:
    """Return the record of a stream's entry.

    Raises `ValueError` for an invalid one.
    """
    try:
        hashes, query, prints = entry[b"k"], entry[b"q"], np.frombuffer(entry[b"f"], PRINTS)
        candidates = tuple(hashes[at : at + SIZE].hex() for at in range(0, len(hashes), SIZE))
        if (
            not candidates
            or len(hashes) % SIZE
            or len(query) != SIZE
            or len(set(candidates)) < len(candidates)
        ):
            raise ValueError("hashes of another length, or twice")
        scores = np.frombuffer(entry[b"s"], SCORE_TYPE).reshape(len(candidates), len(prints))
        texts = _texts(entry[b"t"], candidates) if b"t" in entry else None
        version, place = entry[b"v"].decode(), place_of(entry_id)
        scores = np.where(np.isfinite(scores), scores, np.nan)
        return Observation(
            name=entry[b"n"].decode(),
            query=query.hex(),
            candidates=candidates,
            fingerprints=tuple(prints.tolist()),
            scores=scores,
            version=version,
            texts=texts,
            at=place,
        )
    except KeyError as exc:
        raise ValueError(f"an entry without {exc}") from None


def _texts(raw: bytes, candidates: Sequence[str]) -> RankedTexts:
    """Return texts, ignoring a later release's additions.

    Raises `ValueError` for invalid ones.
    """
    value = orjson.loads(raw)
    query, texts = (
        (value.get("query"), value.get("candidates")) if isinstance(value, dict) else (None, None)
    )
    if not isinstance(query, str) or not isinstance(texts, dict):
        raise ValueError("texts of another shape")
    if any(not isinstance(texts.get(candidate), str) for candidate in candidates):
        raise ValueError("a candidate without its text")
    messages = value.get("messages", [])
    if not isinstance(messages, list):
        raise ValueError("messages of another shape")
    turns = tuple(map(_message, messages))
    return RankedTexts(query, {candidate: texts[candidate] for candidate in candidates}, turns)


def _message(turn: object) -> Message:
    match turn:
        case {"role": str(role), "content": str(content)}:
            return Message(role, content)
    raise ValueError("a message of another shape")


@dataclass(frozen=True, slots=True)
class KeptCandidates:
    """Which candidates a kept request has: hashes, those of the candidates one after the other."""

    at: tuple[int, int]
    query: str  # hexadecimal
    hashes: bytes

    def candidates(self) -> set[str]:
        """Return the candidates' hashes, hexadecimal."""
        return {self.hashes[at : at + SIZE].hex() for at in range(0, len(self.hashes), SIZE)}


def candidates_of(
    page: Iterable[tuple[bytes, Mapping[bytes, bytes]]],
) -> list[KeptCandidates]:
    """Return the candidates of a stream's entries; damaged entries have none."""
    return [
        KeptCandidates(place_of(entry_id), entry.get(b"q", b"").hex(), entry.get(b"k", b""))
        for entry_id, entry in page
    ]


def query_of_name(name: bytes) -> str:
    """Return the query's hash in a request's name, which begins with it."""
    return name.lstrip(b"{")[: 2 * SIZE].decode("ascii", "replace")


def as_value(record: Observation) -> bytes:
    """Return a request as one value: its place, and its entry in hexadecimal."""
    entry = pack(record.without_texts())
    return orjson.dumps(
        {"at": record.at, **{name.decode(): value.hex() for name, value in entry.items()}}
    )


def from_value(raw: bytes) -> Observation:
    """Return the request of such a value.

    Raises `ValueError` for an invalid one.
    """
    fields = json_object(raw)
    try:
        milliseconds, number = fields.pop("at")
        return unpack(
            f"{int(milliseconds)}-{int(number)}".encode(),
            {name.encode(): bytes.fromhex(digits) for name, digits in fields.items()},
        )
    except (TypeError, KeyError) as exc:
        raise ValueError(f"not a request: {exc!r}") from None


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Records as a label model reads them, a row a candidate."""

    scores: Floats  # (rows, verifiers)
    query: npt.NDArray[np.int64]  # (rows,)
    keys: list[str]  # "query:candidate", by row

    def labels(self, label_by_key: Mapping[str, float]) -> Floats:
        """Return each row's label, -1 where unknown."""
        return np.array([label_by_key.get(key, -1.0) for key in self.keys])


def training_table(
    records: Iterable[Observation],
    fingerprints: Sequence[int],
    since: Mapping[int, tuple[int, int]] | None = None,
) -> TrainingTable:
    """Return the scores of some verifiers.

    One whose fingerprint is another is another verifier, and does not mix.

    `since` says from which place on a verifier's scores count: one that drifted is another from
    there on.

    A query that came with several sets of candidates is one query; a candidate that stands in
    several counts as it was last.
    """
    by_query: dict[str, dict[str, Floats]] = {}
    for record in records:
        places = [
            record.fingerprints.index(fingerprint) if fingerprint in record.fingerprints else -1
            for fingerprint in fingerprints
        ]
        scores = np.full((len(record.candidates), len(fingerprints)), np.nan)
        for column, place in enumerate(places):
            if place >= 0 and record.at >= (since or {}).get(fingerprints[column], (0, 0)):
                scores[:, column] = record.scores[:, place]
        rows_of_query = by_query.setdefault(record.query, {})
        for candidate, row in zip(record.candidates, scores, strict=True):
            # A candidate that also came alone has no scores of comparing verifiers: the set's
            # scores stand.
            rows_of_query[candidate] = (
                np.where(np.isnan(row), rows_of_query[candidate], row)
                if candidate in rows_of_query
                else row
            )
    rows = [
        (number, candidate_key(query, candidate), row)
        for number, (query, of) in enumerate(by_query.items())
        for candidate, row in of.items()
    ]
    scores = np.array([row for _, _, row in rows]).reshape(-1, len(fingerprints))
    return TrainingTable(
        scores, np.array([number for number, _, _ in rows], np.int64), [key for _, key, _ in rows]
    )
