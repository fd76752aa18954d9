"""Verdicts from a reply's numbers: an invalid number spoils its own row alone."""

from __future__ import annotations

import math

import pytest

from assay.verifiers import BadReplyError, Pair, Status
from assay.verifiers.http.reply import Tokens
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.served_models import PAIRS, QUERY, served_verifier


class Row:
    """A row of a reply that has an index."""

    def __init__(self, index: int) -> None:
        self.index = index


async def test_a_number_that_is_none_is_no_score_and_an_exact_zero_is_a_failed_item() -> None:
    """NaN and 0.0 spoil one row, not the reply."""
    rows = b'{"data": [{"index": 0, "score": NaN}, {"index": 1, "score": 0.0}, {"index": 2, "score": 0.25}]}'

    verdicts = await served_verifier("rerank", FakeTransport({"/score": (200, rows)})).score(
        [*PAIRS, Pair(QUERY, "x")]
    )

    assert [verdict.score for verdict in verdicts.items] == [None, None, 0.25]
    assert [verdict.status for verdict in verdicts.items] == [Status.ERROR, Status.ERROR, Status.OK]


def test_a_number_beyond_its_bounds_is_no_score() -> None:
    """The others keep theirs."""
    verdicts = score_verdicts([0.5, math.inf, 1.5], bounds=(0.0, 1.0))

    assert [verdict.score for verdict in verdicts] == [0.5, None, None]


def test_rows_come_in_the_order_of_their_inputs() -> None:
    """And a reply that lacks one is refused."""
    assert [row.index for row in in_order([Row(1), Row(0)], 2)] == [0, 1]
    with pytest.raises(BadReplyError, match="indices"):
        in_order([Row(1), Row(1)], 2)
    with pytest.raises(BadReplyError, match="1 rows for 2 inputs"):
        in_order([Row(0)], 2)


def test_a_reply_without_usage_is_a_call_all_the_same() -> None:
    """Its tokens are not known."""
    assert usage_of(None).calls == 1
    assert usage_of(Tokens(prompt_tokens=7), 2).calls == 2
