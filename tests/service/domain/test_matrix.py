"""A request's raw scores."""

from __future__ import annotations

import numpy as np
import pytest

from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import (
    Status,
    Verdict,
)


@pytest.mark.parametrize(("left_out", "noted"), [(-5, 0), (7, 7), (10**12, 2**32 - 1)])
def test_what_was_left_out_is_noted_as_far_as_it_can_be(left_out: int, noted: int) -> None:
    """A verifier of one's own may say anything; the request does not fail for it."""
    matrix = ScoreMatrix(1, 1)

    matrix.put(0, 0, Verdict(0.5, truncated_tokens=left_out))

    assert matrix.truncated[0, 0] == noted


def test_nothing_is_known_at_first() -> None:
    """A missing score is never a low one."""
    matrix = ScoreMatrix(2, 1)

    assert np.isnan(matrix.raw).all()
    assert matrix.unknown_rows(0) == [0, 1]
    assert [matrix.complete, matrix.partial, matrix.has_score, matrix.any_fresh] == [False] * 4


def test_plain_scores_entered_at_once_are_as_those_entered_one_by_one() -> None:
    """In whichever rows, and beside verdicts that say more."""
    verdicts = [
        (2, Verdict(0.2)),
        (0, Verdict(None, Status.TIMEOUT, "timeout: slow")),
        (1, Verdict(0.7, label_mass=0.25)),
        (3, Verdict(None)),
    ]
    at_once, one_by_one = ScoreMatrix(5, 2), ScoreMatrix(5, 2)
    at_once.put_all(1, verdicts)
    for row, verdict in verdicts:
        one_by_one.put(row, 1, verdict)

    for name in ("raw", "status", "label_mass", "truncated", "fresh", "cached"):
        np.testing.assert_array_equal(getattr(at_once, name), getattr(one_by_one, name))
    assert at_once.reasons == one_by_one.reasons == {(0, 1): "timeout: slow"}
    assert at_once.raw[2, 1] == 0.2
    assert at_once.unknown_rows(1) == [4]
    assert at_once.partial


def test_all_rows_in_order_are_entered_too() -> None:
    """The usual case has a way of its own."""
    matrix = ScoreMatrix(2, 1)

    matrix.put_all(0, [(0, Verdict(0.1)), (1, Verdict(0.9))])

    assert matrix.raw.tolist() == [[0.1], [0.9]]
    assert matrix.complete
    assert matrix.has_score
    assert not matrix.partial


@pytest.mark.parametrize(
    ("status", "partial"),
    [
        (Status.NOT_APPLICABLE, False),
        (Status.SKIPPED, False),
        (Status.TRUNCATED, True),
        (Status.TIMEOUT, True),
        (Status.ERROR, True),
    ],
)
def test_a_failure_makes_an_answer_partial_and_what_does_not_apply_does_not(
    status: Status, partial: bool
) -> None:
    """All of them are answers: nothing is left to ask."""
    matrix = ScoreMatrix(1, 1)

    matrix.put(0, 0, Verdict(None, status))

    assert matrix.partial is partial
    assert matrix.complete
