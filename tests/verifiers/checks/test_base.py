"""The base of the checks that run here."""

from __future__ import annotations

import re

import pytest

from assay.verifiers import Pair, Query, Status, Verdict, VerifierError, VerifierSettings
from assay.verifiers.checks.base import (
    INLINE_CHARS,
    SEARCH_WINDOW,
    LocalVerifier,
    isolated,
    searched,
)


class Counting(LocalVerifier):
    """Scores the length, and fails on an empty text."""

    def _score_one(self, pair: Pair) -> Verdict:
        return Verdict(1 / len(pair.candidate))


async def test_an_error_is_its_own_candidates() -> None:
    """Also off the event loop."""
    verifier = Counting(VerifierSettings(name="v", kind="length"))
    query = Query.of("?")
    for long in ("ab", "a" * (INLINE_CHARS + 1)):
        verdicts = (await verifier.score([Pair(query, ""), Pair(query, long)])).items

        assert verdicts[0].status is Status.ERROR
        assert verdicts[0].reason == "error: ZeroDivisionError"
        assert verdicts[1].score == 1 / len(long)


def test_an_error_of_all_is_raised() -> None:
    """It is no candidate's."""

    def fails() -> Verdict:
        raise VerifierError("x")

    with pytest.raises(VerifierError):
        isolated(fails)


def test_a_pattern_is_found_across_the_parts_of_a_long_text() -> None:
    """Wherever a search begins anew."""
    text = "a" * (SEARCH_WINDOW - 2) + "needle" + "a" * SEARCH_WINDOW

    assert searched(re.compile("needle"), text)
    assert not searched(re.compile("thread"), text)
