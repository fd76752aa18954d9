"""Agreement among the candidates of a query."""

from __future__ import annotations

import pytest

from assay.verifiers import Status
from tests.support.verifiers.check_verdicts import MATHS, verdicts_of


async def test_consensus_counts_those_that_agree_by_value() -> None:
    """0.5 and 1/2 are one answer; the candidates' order does not matter."""
    verdicts = await verdicts_of(
        "consensus", ["The answer is 0.5.", "\\boxed{\\frac{1}{2}}", "The answer is 3.", ""], MATHS
    )

    assert [verdict.score for verdict in verdicts] == [
        pytest.approx(1.4 / 5),
        pytest.approx(1.4 / 5),
        pytest.approx(0.4 / 5),
        None,
    ]
    assert verdicts[3].status is Status.NOT_APPLICABLE


async def test_consensus_means_the_same_for_few_and_many() -> None:
    """Two of two say less than eight of eight, and more than two of eight."""
    tops = [
        (await verdicts_of("consensus", texts, MATHS))[0].score
        for texts in (
            ["it is 7"] * 2,
            ["it is 7"] * 8,
            ["it is 7"] * 2 + [f"it is {place}" for place in range(10, 16)],
        )
    ]

    two, eight, few = (top or 0.0 for top in tops)
    assert few < two < eight < 1


async def test_one_candidate_cannot_agree_with_others() -> None:
    """A candidate alone gets no score, not a perfect one."""
    [verdict] = await verdicts_of("consensus", ["The answer is 7."], MATHS)

    assert (verdict.score, verdict.status) == (None, Status.NOT_APPLICABLE)
