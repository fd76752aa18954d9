"""Patterns that a candidate must match, or must not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from assay.verifiers import Status
from tests.support.verifiers.check_verdicts import verdict_of, verdicts_of
from tests.support.verifiers.kinds import made
from tests.support.verifiers.unseen_texts import UNSEEN_TEXTS


async def test_a_pattern_finds_nothing_in_a_text_that_nobody_sees() -> None:
    """It is read as the empty one."""
    verdicts = await verdicts_of("regex", ["", *UNSEEN_TEXTS], must=["."], must_not=[])

    assert [verdict.score for verdict in verdicts] == [0.0] * (len(UNSEEN_TEXTS) + 1)


async def test_a_forbidden_word_is_found_with_unseen_characters_in_it() -> None:
    """And one that is written of them is found as it stands."""
    verdicts = await verdicts_of(
        "regex",
        ["pass\u200bword", "pass word", "a\u200d b"],
        must=[],
        must_not=["password", "\u200d"],
    )

    assert [verdict.score for verdict in verdicts] == [0.5, 1.0, 0.5]


async def test_patterns_must_be_found_or_must_not() -> None:
    """The share that are as they should be."""
    assert (
        await verdict_of("regex", "42 apples", must=[r"\d+", "pears"], must_not=["sorry"])
    ).score == pytest.approx(2 / 3)
    assert (await verdict_of("regex", " 42 ", must=[r"\d+"], must_not=[], whole=True)).score == 1.0
    assert (
        await verdict_of("regex", "42 apples", must=[r"\d+"], must_not=[], whole=True)
    ).score == 0.0
    assert (
        await verdict_of("regex", "SORRY", must=[], must_not=["sorry"], ignore_case=True)
    ).score == 0.0


async def test_a_pattern_that_backtracks_for_ever_is_stopped() -> None:
    """It says nothing of that candidate, and takes no time from others."""
    started = time.process_time()

    verdict = await verdict_of("regex", "a" * 40 + "!", must=[r"^(a|a)*$"], must_not=[])

    assert (verdict.score, verdict.status) == (None, Status.ERROR)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("options", [{"must": ["("]}, {"must": [], "must_not": []}])
def test_wrong_patterns_are_refused_at_the_start(options: dict[str, Any]) -> None:
    """With the pattern."""
    with pytest.raises(ValidationError, match="pattern"):
        made("regex", **{"must": [], "must_not": [], **options})
