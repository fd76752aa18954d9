"""Patterns that a candidate must match, or must not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from assay.verifiers import Pair, Query, Status, Verdict
from tests.support.kinds import made

QUERY = Query.of("What is 5+3?", "8")


NOTHING = [
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u3164",
    "\u2800",
    "\U000e0001",
    "\u00ad",
    "\u202e",
    "\u00a0",
    "\u034f",
    "\u115f",
    "\uffa0",
    "\u180e",
    "\ufff9",
    "\u0301",
    "\U0001d159",
    "\x00",
    "\x7f",
    "\ue000",
    "\ufffe",
    "\u200d\ufe0f",
    " \u200b\n\u2060\t",
]


async def said(kind: str, texts: Sequence[str], **options: Any) -> list[Verdict]:
    """Return what a kind says of candidates."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    return (await verifier.score([Pair(QUERY, text) for text in texts])).items


async def test_a_pattern_finds_nothing_in_a_text_that_nobody_sees() -> None:
    """It is read as the empty one."""
    verdicts = await said("regex", ["", *NOTHING], must=["."], must_not=[])

    assert [verdict.score for verdict in verdicts] == [0.0] * (len(NOTHING) + 1)


async def test_a_forbidden_word_is_found_with_unseen_characters_in_it() -> None:
    """And one that is written of them is found as it stands."""
    verdicts = await said(
        "regex",
        ["pass\u200bword", "pass word", "a\u200d b"],
        must=[],
        must_not=["password", "\u200d"],
    )

    assert [verdict.score for verdict in verdicts] == [0.5, 1.0, 0.5]


async def one(kind: str, candidate: str, query: Query | None = None, **options: Any) -> Verdict:
    """Return what a kind says of one candidate."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    return (await verifier.score([Pair(query or Query.of("?"), candidate)])).items[0]


async def test_patterns_must_be_found_or_must_not() -> None:
    """The share that are as they should be."""
    assert (
        await one("regex", "42 apples", must=[r"\d+", "pears"], must_not=["sorry"])
    ).score == pytest.approx(2 / 3)
    assert (await one("regex", " 42 ", must=[r"\d+"], must_not=[], whole=True)).score == 1.0
    assert (await one("regex", "42 apples", must=[r"\d+"], must_not=[], whole=True)).score == 0.0
    assert (await one("regex", "SORRY", must=[], must_not=["sorry"], ignore_case=True)).score == 0.0


async def test_a_pattern_that_backtracks_for_ever_is_stopped() -> None:
    """It says nothing of that candidate, and takes no time from others."""
    started = time.process_time()

    verdict = await one("regex", "a" * 40 + "!", must=[r"^(a|a)*$"], must_not=[])

    assert (verdict.score, verdict.status) == (None, Status.ERROR)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("options", [{"must": ["("]}, {"must": [], "must_not": []}])
def test_wrong_patterns_are_refused_at_the_start(options: dict[str, Any]) -> None:
    """With the pattern."""
    with pytest.raises(ValidationError, match="pattern"):
        made("regex", **{"must": [], "must_not": [], **options})
