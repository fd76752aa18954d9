"""Labels that people took back since a version learned them."""

from __future__ import annotations

import pytest

from assay.service.domain.labels import Label, LabelEvent, LabelRecord
from assay.service.learning.taken_back import (
    TakenBack,
    has_turned,
    learned_labels,
    learned_value,
    taken_back,
    taken_back_since,
)

LABELLED = LabelEvent("ann", 1.0, True, 5.0)
WITHDRAWN = LabelEvent("ann", None, None, 20.0)


@pytest.mark.parametrize(
    ("labels", "events", "expected"),
    [
        ([], [LABELLED, WITHDRAWN], (1, 1)),
        ([], [WITHDRAWN], (1, 1)),
        ([], [LABELLED], (0, 0)),
        ([Label(0.0, True, "ann", 20.0)], [LABELLED], (1, 1)),
        ([Label(0.0, True, "ann", 6.0)], [LABELLED], (1, 1)),
        ([Label(0.0, False, "bob", 1.0)], [LABELLED, WITHDRAWN], (1, 1)),
        ([Label(0.5, True, "ann", 20.0)], [LABELLED], (1, 1)),
        ([Label(1.0, True, "ann", 5.0), Label(0.0, None, "bob", 20.0)], [], (1, 1)),
        ([Label(1.0, False, "ann", 5.0)], [LABELLED], (0, 1)),
        ([Label(0.8, True, "ann", 20.0)], [LABELLED], (0, 0)),
        ([Label(1.0, True, "bob", 6.0)], [LABELLED, WITHDRAWN], (0, 0)),
    ],
)
def test_labels_that_a_version_learned_and_people_took_back(
    labels: list[Label], events: list[LabelEvent], expected: tuple[int, int]
) -> None:
    """By what they say now, at whatever time they said it; random ones must stay random."""
    learned = learned_labels(learned_value([("k", 1.0, True), ("other", 1.0, False)]))
    assert learned is not None
    records = {"k": LabelRecord(tuple(labels), 6.0)} if labels else {}

    back = taken_back(learned, records, {"k": events} if events else {})

    assert (back.labels, back.random) == expected
    assert (back.learned, back.random_learned) == (2, 1)


def test_labels_that_a_version_did_not_learn_are_not_taken_back() -> None:
    """Such as those that came after it; nor what a lost store took along."""
    learned = learned_labels(learned_value([("k", 1.0, True)]))
    assert learned is not None

    assert taken_back(learned, {}, {}) == TakenBack(0, 1, 0, 1)
    assert taken_back(learned, {}, {"new": [LABELLED, WITHDRAWN]}) == TakenBack(0, 1, 0, 1)


@pytest.mark.parametrize(
    ("before", "after", "turned"),
    [(1.0, 0.0, True), (0.0, 0.6, True), (0.7, 0.5, True), (0.2, 0.5, True), (0.5, 1.0, False), (0.5, 0.5, False), (1.0, 0.6, False)],
)  # fmt: skip
def test_a_label_that_decides_no_more_has_turned(before: float, after: float, turned: bool) -> None:
    """One that never decided has not."""
    assert has_turned(before, after) is turned


@pytest.mark.parametrize(
    ("back", "stands"),
    [
        (TakenBack(), True),
        (TakenBack(29, 60, 14, 30), True),
        (TakenBack(30, 60, 0, 0), False),
        (TakenBack(0, 60, 15, 30), False),
        (TakenBack(0, 60, 60, 60), False),
    ],
)
def test_a_version_stands_on_most_of_its_labels(back: TakenBack, stands: bool) -> None:
    """Of all, and of the random ones."""
    assert back.stands is stands


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (TakenBack(0, 60, 0, 60), None),
        (TakenBack(4, 60, 5, 60), "version 3 learned 60 labels; people have withdrawn or turned 4"),
        (TakenBack(0, 60, 9, 50), "version 3 learned 50 random labels; 9 of them do not count"),
    ],
)
def test_a_report_says_what_was_taken_back(back: TakenBack, words: str | None) -> None:
    """Nothing where nothing was."""
    answer = back.words(3)

    assert (answer is None) is (words is None)
    assert (answer or "").startswith(words or "")


@pytest.mark.parametrize("rows", [[], [("k", 1.0, True), ("j", 0.3, False)]])
def test_labels_of_a_version_come_back_as_they_were(rows: list[tuple[str, float, bool]]) -> None:
    """A value that was cut is none."""
    value = learned_value(rows)

    labels = learned_labels(value)

    assert labels is not None
    assert list(labels.values()) == [(correct, random) for _, correct, random in rows]
    assert learned_labels(value + b"x") is None


@pytest.mark.parametrize(
    ("record", "events", "expected"),
    [
        (None, [LABELLED, WITHDRAWN], 1),
        (None, [LABELLED, LabelEvent("ann", None, None, 8.0)], 0),
        (None, [LabelEvent("ann", 1.0, True, 15.0), WITHDRAWN], 0),
        (Label(0.0, True, "ann", 20.0), [LABELLED], 1),
        (Label(0.5, True, "ann", 20.0), [LABELLED], 1),
        (Label(0.8, True, "ann", 20.0), [LABELLED], 0),
        (Label(0.0, True, "ann", 8.0), [LABELLED], 0),
        (Label(1.0, True, "bob", 6.0), [LABELLED, WITHDRAWN], 0),
    ],
)
def test_times_tell_for_versions_that_did_not_keep_their_labels(
    record: Label | None, events: list[LabelEvent], expected: int
) -> None:
    """Withdrawn or turned after the fit at 10; not before it, nor given after it."""
    records = {} if record is None else {"k": LabelRecord((record,), record.at)}

    assert taken_back_since(records, {"k": events}, 10.0) == expected
