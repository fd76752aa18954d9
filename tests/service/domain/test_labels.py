"""Labels of one annotator, and of all annotators of a candidate together."""

from __future__ import annotations

import pytest

from assay.service.domain.labels import (
    MOST_ANNOTATORS,
    Label,
    LabelEvent,
    LabelRecord,
    Outcome,
    TooManyAnnotatorsError,
    annotator_name,
    event_lines,
    events_of_value,
    merge,
    record_of_value,
    record_value,
    was_withdrawn,
    withdraw,
)


def record_of(*labels: Label) -> LabelRecord:
    """Return a candidate's labels after some that came in this order."""
    record: LabelRecord | None = None
    for label in labels:
        record = merge(record, label).record
    assert record is not None
    return record


def test_annotators_count_with_their_mean() -> None:
    """A soft label; who disagrees is shown."""
    record = record_of(
        Label(1.0, True, "ann", 1.0), Label(0.0, None, "bob", 2.0), Label(1.0, who="cat", at=3.0)
    )

    assert record.correct == pytest.approx(2 / 3)
    assert (record.random, record.spread, record.conflict) == (True, 1.0, True)
    assert record.combined() == Label(record.correct, True, None, 3.0)


@pytest.mark.parametrize(
    ("values", "conflict"), [((1.0, 0.6), False), ((0.5, 1.0), False), ((0.4, 0.6), True)]
)
def test_annotators_who_lean_to_one_side_do_not_contradict_each_other(
    values: tuple[float, float], conflict: bool
) -> None:
    """Half is no side."""
    record = record_of(*(Label(value, who=str(value)) for value in values))

    assert record.conflict is conflict


def test_the_newest_label_of_an_annotator_counts() -> None:
    """The one before becomes past; an older one that comes late does as well."""
    first, second = Label(1.0, True, "ann", 10.0), Label(0.0, None, "ann", 20.0)
    changed = merge(record_of(first), second)
    late = merge(changed.record, Label(0.3, None, "ann", 15.0))

    assert (changed.outcome, changed.past) == ("changed", first)
    assert changed.record.by == (Label(0.0, True, "ann", 20.0),)
    assert late.outcome == "older"
    assert late.record == changed.record
    assert late.past == Label(0.3, True, "ann", 15.0)


@pytest.mark.parametrize(
    ("again", "outcome", "at"),
    [
        (Label(1.0, True, "ann", 99.0), "unchanged", 10.0),
        (Label(1.0, None, "ann", 99.0), "unchanged", 10.0),
        (Label(1.0, None, " ann\u200b", 99.0), "unchanged", 10.0),
        (Label(1.0, None, None, 99.0), "new", 10.0),
        (Label(1.0, None, "ann", 5.0), "unchanged", 5.0),
        (Label(1.0, False, "ann", 99.0), "changed", 10.0),
        (Label(1.0, None, "ann", 99.0, "sure"), "changed", 10.0),
        (Label(1.0, None, "bob", 99.0), "new", 10.0),
        (Label(0.0, None, None, 99.0), "new", 99.0),
    ],
)
def test_the_same_label_again_changes_nothing(again: Label, outcome: Outcome, at: float) -> None:
    """Its time is that since when the value is as it is; a recovery may know an earlier one."""
    merged = merge(record_of(Label(1.0, True, "ann", 10.0)), again)

    assert merged.outcome == outcome
    assert merged.record.combined().at == at


def test_whether_it_was_drawn_is_not_known_where_nobody_states_it() -> None:
    """An annotator who was shown the best does not take back that another drew it at random."""
    nobody = record_of(Label(1.0, None, "ann"), Label(1.0, None, "bob"))
    shown = record_of(Label(1.0, None, "ann"), Label(1.0, False, "bob"))
    drawn = record_of(Label(1.0, True, "ann"), Label(1.0, False, "bob"))

    assert [record.random for record in (nobody, shown, drawn)] == [None, False, True]


def test_a_candidate_has_so_many_annotators() -> None:
    """More are refused; those that it has may change their labels."""
    record = record_of(*(Label(1.0, who=f"{number}") for number in range(MOST_ANNOTATORS)))

    with pytest.raises(TooManyAnnotatorsError, match="100 annotators"):
        merge(record, Label(1.0, who="one more"))
    assert merge(record, Label(0.0, who="7")).outcome == "changed"


def test_labels_are_withdrawn_by_annotator() -> None:
    """A name, the unnamed one, or all; the mean is that of the others, from then on."""
    ann, nameless = Label(1.0, None, "ann", 1.0), Label(0.0, None, None, 2.0)
    record = record_of(ann, nameless)

    assert withdraw(record, "ann", 9.0) == (LabelRecord((nameless,), 9.0), (ann,))
    assert withdraw(record, "", 1.5) == (LabelRecord((ann,), 1.5), (nameless,))
    assert withdraw(record, None, 9.0) == (None, (ann, nameless))
    assert withdraw(record, "bob", 9.0) == (record, ())


def test_a_label_says_what_was_stated_and_nothing_else() -> None:
    """A later release may say more, and an earlier one knew one label of a candidate."""
    assert record_of_value(b'{"correct": 1}') == LabelRecord((Label(1.0),), 0.0)
    assert record_of_value(
        b'{"correct":0.5,"random":true,"who":"ann","at":5,"colour":"red"}'
    ).by == (Label(0.5, True, "ann", 5.0),)
    assert record_of_value(b'{"correct":0,"random":null,"who":null,"at":null}').by == (Label(0.0),)


@pytest.mark.parametrize(
    "labels",
    [
        [Label(0.1, True, 'ann "x"}', 1700000000.123456)],
        [Label(1.0, None, "ann", 1.0, "why"), Label(0.25, False, None, 2.0)],
    ],
)
def test_labels_are_read_as_they_were_written(labels: list[Label]) -> None:
    """To the last bit of their times."""
    record = record_of(*labels)

    assert record_of_value(record_value(record)) == record


@pytest.mark.parametrize(
    "value",
    [
        b"{}",
        b"[1]",
        b'{"correct": true}',
        b'{"correct": "1"}',
        b'{"correct": 1.01}',
        b'{"correct": -0.1}',
        b'{"correct": 1, "random": 1}',
        b'{"correct": 1, "who": 5}',
        b'{"correct": 1, "at": "now"}',
        b'{"correct": 1, "comment": 5}',
        b'{"correct": 1, "by": []}',
        b'{"correct": 1, "by": [1]}',
        b'{"correct": 1, "by": [{"correct": 2}]}',
    ],
)
def test_a_label_of_other_types_is_damaged(value: bytes) -> None:
    """Each of its fields is held to its type."""
    with pytest.raises(ValueError, match=r"."):
        record_of_value(value)


def test_the_past_is_read_line_by_line() -> None:
    """A damaged line costs only itself; a withdrawal has no value."""
    label, withdrawal = Label(1.0, True, "ann", 5.0, "a\nb"), LabelEvent("ann", None, None, 6.0)
    lines = event_lines([label, withdrawal])

    events = events_of_value(lines + b'\n{"correct": 7}\nno JSON')

    assert events == [LabelEvent("ann", 1.0, True, 5.0, "a\nb"), withdrawal]


STATEMENTS = [(1.0, 100.0), (1.0, 150.0), (0.0, 130.0)]


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2)]
)
def test_the_newest_statement_counts_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    """A repetition renews the time of a label: what lies between does not win."""
    record = record_of(
        *(Label(STATEMENTS[place][0], None, "ann", STATEMENTS[place][1]) for place in order)
    )

    assert record.by == (Label(1.0, None, "ann", 150.0),)
    assert record_of_value(record_value(record)) == record


def test_a_repetition_keeps_the_time_since_when_the_value_is_as_it_is() -> None:
    """A model that learned the label has learned this one; an older one states nothing anew."""
    first = Label(1.0, None, "ann", 10.0, "old")
    later = merge(record_of(first), Label(1.0, None, "ann", 50.0)).record
    late = merge(later, Label(1.0, None, "ann", 5.0, "oldest")).record

    assert later == LabelRecord((Label(1.0, None, "ann", 50.0, "old"),), 10.0)
    assert late == LabelRecord((Label(1.0, None, "ann", 50.0, "old"),), 5.0)


@pytest.mark.parametrize("others", [[1.0, 0.0], [0.0, 1.0]])
def test_labels_without_a_name_are_one_annotator_beside_those_who_agree(
    others: list[float],
) -> None:
    """In any order: the mean is of three, and nobody else's label is written over."""
    ann, bob = Label(others[0], False, "ann", 1.0, "mine"), Label(others[1], who="bob", at=2.0)
    unnamed = Label(1.0, True, None, 3.0, "evil")

    records = [
        record_of(ann, unnamed, bob),
        record_of(unnamed, bob, ann),
        record_of(ann, bob, unnamed),
    ]

    assert [record.correct for record in records] == [2 / 3] * 3
    assert all(ann in record.by and unnamed in record.by for record in records)
    assert withdraw(records[0], "ann", 9.0)[1] == (ann,)


def test_one_unnamed_annotator_may_not_say_both() -> None:
    """Beside named ones of both sides, the second is a change."""
    record = record_of(Label(1.0, who="ann"), Label(0.0, who="bob"), Label(1.0, at=1.0))

    assert merge(record, Label(0.0, at=2.0)).outcome == "changed"


@pytest.mark.parametrize(("value", "count"), [(0.7, 3), (0.1, 7), (1 / 3, 30)])
def test_annotators_who_agree_leave_the_value_and_its_time(value: float, count: int) -> None:
    """To the last bit: sums of equal fractions would differ from them."""
    record = record_of(
        *(Label(value, who=f"{number}", at=float(number)) for number in range(count))
    )

    assert (record.correct, record.since) == (value, 0.0)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("ann", "ann "),
        ("ann lee", " ann\t lee\n"),
        ("ann", "\u200bann\ufeff \u200b"),
        ("Zo\u00eb", "Zoe\u0308"),
        ("", " \u200b "),
        ("ann", "ann\u034f"),
        ("ann", "a\ufe0fnn\ufe0f"),
        ("ann", "\u115fann\u1160"),
        ("ann", "ann\u3164"),
        ("ann lee", "ann\u2800lee \uffa0"),
        ("ann", "\uff41\uff4e\uff4e"),
        ("ann", "ann\U000e0100\u180b"),
        ("", "\u3164\u034f"),
    ],
)
def test_blanks_and_what_nobody_sees_make_no_other_annotator(name: str, same: str) -> None:
    """Case does: `Ann` and `ann` may be two people. So do letters of another script."""
    assert annotator_name(same) == (name or None) == annotator_name(name)
    assert annotator_name("Ann") != annotator_name("ann")
    assert annotator_name("\u0430nn") != annotator_name("ann")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Label(1.0, who="ann", at=3.0), True),
        (Label(0.0, who="ann ", at=3.0), True),
        (Label(1.0, who="ann", at=4.0), False),
        (Label(1.0, who="bob", at=3.0), False),
        (Label(1.0, at=3.0), False),
    ],
)
def test_a_label_from_before_its_withdrawal_stays_withdrawn(label: Label, expected: bool) -> None:
    """An older export does not bring it back; a later word does, and others' labels stand."""
    past = [LabelEvent("ann", 1.0, None, 1.0), LabelEvent("ann", None, None, 4.0)]

    assert was_withdrawn(None, past, label) is expected
    assert was_withdrawn(record_of(Label(0.0, who="cat")), past, label) is expected
    assert not was_withdrawn(record_of(Label(0.0, who="ann", at=5.0)), past, label)
