"""Keys that tell the answers of a query's candidates apart, however they are worded."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Hashable, Sequence

from assay.service.scoring.run import ScoringRun
from assay.verifiers import VerifierError
from assay.verifiers.checks.answers.answer_equality import distinct_answers
from assay.verifiers.checks.consensus import Consensus, asks_for_a_number

#: Of candidates' ends, read for their answers on the event loop: half a millisecond.
READ_INLINE_CHARS = 16_384
#: An answer in words is equal as text or not at all; any other may be mathematics, or have a unit.
WORDS = re.compile(r"(?:[^\W\d]| )*")


async def answer_keys(run: ScoringRun) -> list[Hashable]:
    """Return a key of each candidate's answer, equal for equal answers.

    Numbers and words are read here. Other answers are compared by the ensemble's consensus
    verifier, which mostly has done so for its scores; without one, or if it fails, as text. A
    candidate whose answer cannot be read has its text for an answer.
    """
    query = run.request.pairs[0].query.text
    texts = [pair.candidate for pair in run.request.pairs]
    mathematical = asks_for_a_number(query)
    if sum(map(len, texts)) > READ_INLINE_CHARS:
        stated = await asyncio.to_thread(distinct_answers, texts, mathematical)
    else:
        stated = distinct_answers(texts, mathematical)
    groups = None
    if not all(_is_plain(answer, mathematical) for answer in stated):
        groups = await _compared(run, query, texts)
    if groups is None:
        return [
            key if answer is None else ("stated", answer)
            for key, answer in zip(run.keys.pairs, stated, strict=True)
        ]
    # Longer texts that state nothing and answer no question for a number end alike by chance.
    return [
        ("group", group) if group is not None and (mathematical or answer is not None) else key
        for key, answer, group in zip(run.keys.pairs, stated, groups, strict=True)
    ]


def _is_plain(answer: Hashable | None, mathematical: bool) -> bool:
    """Return whether no comparison by value could tell more of an answer."""
    if answer is None:
        return not mathematical
    return not isinstance(answer, str) or WORDS.fullmatch(answer) is not None


async def _compared(
    run: ScoringRun, query: str, texts: Sequence[str]
) -> Sequence[int | None] | None:
    """Return the answer groups by the ensemble's consensus verifier; None without one, or late."""
    verifiers = (member.guarded.verifier for member in run.members)
    consensus = next((some for some in verifiers if isinstance(some, Consensus)), None)
    if consensus is None:
        return None
    try:
        async with asyncio.timeout(max(0.0, run.deadline - time.monotonic())):
            return await consensus.remembered_groups(query, list(texts))
    except (VerifierError, TimeoutError):
        return None
