"""The parts of a running service."""

from __future__ import annotations

from typing import Any

from assay.service.runtime.parts import ScoringParts


class Answers:
    """Groups texts by their last word; the second part of its reply is for verdicts."""

    async def groups(self, query: str, texts: list[str]) -> tuple[list[int | None], object]:
        """Return a number an answer."""
        words = [text.split()[-1] if text else None for text in texts]
        return [None if word is None else words.index(word) for word in words], "unused"


async def test_answers_are_numbers_that_are_equal_for_equal_ones() -> None:
    """A text without an answer has none."""
    anything: Any = None
    answers: Any = Answers()
    parts = ScoringParts(scorer=anything, generators={}, answers=answers, backpressure=anything)

    assert await parts.answer_groups("q", ["it is 7", "", "so 8", "7"]) == [0, None, 2, 0]
