"""How many steps a candidate may have."""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import Pair, Status
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import QUERY, STEPS


@pytest.mark.parametrize("options", [{}, {"step_tag": "<t>", "step_separator": "\n"}])
async def test_a_candidate_of_thousands_of_steps_takes_no_memory_with_their_square(
    options: dict[str, Any],
) -> None:
    """It is too long, in steps or in prompts; the others go in calls of bounded size."""
    import tracemalloc

    transport = standin("judge")
    verifier = made("label_token_prm", transport, **options)
    hostile = ["a\n\n" * 5000, "b\n\n" + "c" * 30_000 + "\n\nd" * 400]
    tracemalloc.start()

    verdicts = (await verifier.score([*(Pair(QUERY, text) for text in hostile), STEPS])).items
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(verdict.score, verdict.status) for verdict in verdicts[:2]] == [
        (None, Status.TRUNCATED)
    ] * 2
    assert all(str(verdict.reason).startswith("too_long: ") for verdict in verdicts[:2])
    assert verdicts[2].score is not None
    assert peak < 50_000_000


async def test_steps_of_many_candidates_are_asked_about_in_calls_of_bounded_size() -> None:
    """And read as if they were one."""
    transport = standin("judge")
    pairs = [
        Pair(QUERY, "\n\n".join(f"step {place} " + "x" * 3000 for place in range(40)))
        for _ in range(3)
    ]

    together = (await made("label_token_prm", transport, step_tag="<t>").score(pairs)).items
    alone = (await made("label_token_prm", step_tag="<t>").score(pairs[:1])).items

    assert [verdict.score for verdict in together] == [alone[0].score] * 3
    assert transport.paths().count("/generative_scoring") > 1
