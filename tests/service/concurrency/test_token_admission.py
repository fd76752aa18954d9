"""Admission by the tokens that models would read."""

from __future__ import annotations

import pytest

from assay.service.concurrency.token_admission import TokenAdmission, tokens_of
from assay.service.domain.errors import TooMuchWorkError
from assay.verifiers import KINDS, Pair, Query, VerifierSettings


def test_work_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    """The message gives the present amount and the limit."""
    admission = TokenAdmission(100)
    admission.take(60)

    with pytest.raises(TooMuchWorkError, match=r"about 41 tokens, 60 of at most 100"):
        admission.take(41)
    admission.take(40)

    assert admission.tokens == 100


def test_a_request_larger_than_all_is_admitted_alone() -> None:
    """It would never be otherwise; nothing else fits beside it."""
    admission = TokenAdmission(100)
    admission.take(1000)

    with pytest.raises(TooMuchWorkError):
        admission.take(1)
    admission.give_back(1000)
    admission.take(1)

    assert admission.tokens == 1


def test_without_a_bound_nothing_is_refused() -> None:
    """However much is under way."""
    admission = TokenAdmission(None)
    for _ in range(3):
        admission.take(10**9)

    assert admission.tokens == 3 * 10**9


def test_a_served_model_reads_the_query_once_a_candidate_and_a_check_reads_nothing() -> None:
    """Four characters are about a token, rounded down for the call as a whole."""
    judge = KINDS["judge"].settings.model_validate(
        {"name": "j", "kind": "judge", "model": "m", "endpoint": "http://h"}
    )
    pairs = [Pair(Query.of("x" * 9), "y" * count) for count in (0, 4)]

    assert tokens_of(judge, pairs) == 5
    assert tokens_of(judge, []) == 0
    assert tokens_of(VerifierSettings(name="v", kind="length"), pairs) == 0
