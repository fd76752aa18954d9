"""Which of the labels that a version learned people have taken back since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from assay.service.domain.labels import LabelEvent, LabelRecord

#: A version's labels as the store keeps them: the hash of a candidate's key, its label, and whether
#: it was drawn at random. Whole keys would take five times the room, for each kept version.
LEARNED = np.dtype([("key", "<u8"), ("correct", "<f8"), ("random", "?")])


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many of the labels that a version learned are taken back, and of the random ones.

    `learned`, `random_learned`: how many it learned. A random one is also taken back where people
    no longer say that it was drawn at random.
    """

    labels: int = 0
    learned: int = 0
    random: int = 0
    random_learned: int = 0

    @property
    def stands(self) -> bool:
        """Return whether people still say the larger part of what it learned.

        Probabilities rest on the random labels, so these must stand as well.
        """
        return _most_stand(self.labels, self.learned) and _most_stand(
            self.random, self.random_learned
        )

    def words(self, version: int) -> str | None:
        """Return what a report says of it; None where nothing is taken back."""
        if self.labels:
            return (
                f"version {version} learned {self.learned} labels; people have withdrawn or turned"
                f" {self.labels} of them since"
            )
        if self.random:
            return (
                f"version {version} learned {self.random_learned} random labels; {self.random} of"
                " them do not count as random any more"
            )
        return None


def _most_stand(back: int, learned: int) -> bool:
    return not back or 2 * back < learned


def learned_value(rows: Iterable[tuple[str, float, bool]]) -> bytes:
    """Return a version's labels, by candidate key, as the store keeps them."""
    by_key = {_hash(key): (correct, random) for key, correct, random in rows}
    return np.array([(key, *label) for key, label in by_key.items()], LEARNED).tobytes()


def learned_labels(value: bytes) -> dict[int, tuple[float, bool]] | None:
    """Return a version's labels by the hash of their keys; None for a damaged value."""
    if len(value) % LEARNED.itemsize:
        return None
    rows = np.frombuffer(value, LEARNED)
    return {int(key): (float(correct), bool(random)) for key, correct, random in rows}


def taken_back(
    learned: Mapping[int, tuple[float, bool]],
    records: Mapping[str, LabelRecord],
    past: Mapping[str, Sequence[LabelEvent]],
) -> TakenBack:
    """Return how many of the labels that a version learned people have taken back.

    Withdrawn ones are, and those whose mean has left its side of a half. Times do not matter: an
    import may bring an old one. Labels that are gone without a withdrawal, such as with their
    store, are not taken back.
    """
    back, random_back = set[int](), set[int]()
    for key in records.keys() | past.keys():
        name = _hash(key)
        if name not in learned:
            continue
        (correct, is_random), record = learned[name], records.get(key)
        if record is None:
            gone = any(event.correct is None for event in past.get(key, ()))
        else:
            gone = has_turned(correct, record.correct)
        if gone:
            back.add(name)
        if is_random and (gone or (record is not None and record.random is not True)):
            random_back.add(name)
    random_learned = sum(is_random for _, is_random in learned.values())
    return TakenBack(len(back), len(learned), len(random_back), random_learned)


def has_turned(before: float, after: float) -> bool:
    """Return whether a label that decided decides otherwise now, or no more: 0.5 does not."""
    return before != 0.5 and (before - 0.5) * (after - 0.5) <= 0


def taken_back_since(
    records: Mapping[str, LabelRecord],
    past: Mapping[str, Sequence[LabelEvent]],
    fitted_at: float,
) -> int:
    """Return of how many candidates people withdrew all labels since a fit, or turned them.

    For versions of earlier builds, which did not keep their labels: times tell instead.
    """
    return sum(_since(records.get(key), events, fitted_at) for key, events in past.items())


def _since(record: LabelRecord | None, events: Sequence[LabelEvent], fitted_at: float) -> bool:
    before = [
        event.correct for event in events if event.correct is not None and event.at <= fitted_at
    ]
    if record is None:
        withdrawn = any(event.correct is None and event.at > fitted_at for event in events)
        return withdrawn and bool(before)
    turned = any(has_turned(value, record.correct) for value in before)
    return turned and record.since > fitted_at


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
