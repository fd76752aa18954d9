"""One probability a step, reduced to one score."""

from __future__ import annotations

import pytest

from assay.verifiers import Pair, Status
from tests.support.verifiers.served_models import PAIRS, QUERY, served_verifier, standin_transport


@pytest.mark.parametrize(
    ("reduction", "expected"), [("min", 0.2), ("mean", 0.35), ("last", 0.5), ("product", 0.1)]
)
async def test_steps_become_one_score(reduction: str, expected: float) -> None:
    """Each reduction, of the column that means good."""
    transport = standin_transport("prm")
    transport.replies["/pooling"] = (
        200,
        {"data": [{"index": 0, "data": [[0.8, 0.2], [0.5, 0.5]]}]},
    )

    verdicts = await served_verifier("prm", transport, reduction=reduction).score(PAIRS[:1])

    assert verdicts.items[0].score == pytest.approx(expected)


async def test_steps_are_split_joined_and_counted() -> None:
    """Blank steps go, a step token in the candidate is no step, and another count of rows is no
    score.
    """
    transport = standin_transport("prm")
    hostile = Pair(QUERY, "one <extra_0>\n\n\n\ntwo")
    verifier = served_verifier("prm", transport)

    good = await verifier.score([hostile])
    transport.replies["/pooling"] = (200, {"data": [{"index": 0, "data": [[0.8, 0.2]]}]})
    bad = await verifier.score([hostile])

    sent = next(asked["input"][0] for path, asked in transport.sent if path == "/pooling")
    assert sent.count("<extra_0>") == 2
    assert good.items[0].score is not None
    assert (bad.items[0].score, bad.items[0].status) == (None, Status.ERROR)
    assert "1 step scores for 2 steps" in (bad.items[0].reason or "")


async def test_a_candidate_without_steps_is_not_asked_about() -> None:
    """It does not apply, and the others keep their places."""
    verdicts = await served_verifier("prm", standin_transport("prm")).score(
        [Pair(QUERY, ""), Pair(QUERY, "a step"), Pair(QUERY, " \n\n ")]
    )

    assert [verdict.status for verdict in verdicts.items] == [
        Status.NOT_APPLICABLE,
        Status.OK,
        Status.NOT_APPLICABLE,
    ]
