"""Likelihoods, log-ratios, label tokens, token rewards, entailment, embeddings and scorers of
one's own.
"""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import Pair, Status
from assay.verifiers.rewards.label_token_prm import LabelTokenPrm
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import QUERY, STEPS


async def test_steps_are_turns_or_tagged_lines() -> None:
    """RLHFlow's form and Math-Shepherd's."""
    turns, tags = made("label_token_prm"), made("label_token_prm", step_tag="ки", number_steps=True)
    assert isinstance(turns, LabelTokenPrm)
    assert isinstance(tags, LabelTokenPrm)

    assert [message["content"] for message in turns.conversations(STEPS)[-1]] == [
        "What is 3 + 4? First take 3.",
        "+",
        "Then add 4.",
        "+",
        "The answer is 7.",
    ]
    assert (
        tags.tagged(STEPS)[1] == "What is 3 + 4? Step 1: First take 3. ки\nStep 2: Then add 4. ки"
    )
    assert tags.tagged(Pair(QUERY, "a ки b"))[0].count("ки") == 1


async def test_a_tags_label_is_read_exactly_or_among_the_top() -> None:
    """Both ways agree; without `/generative_scoring` the verifier uses completions."""
    exact = await made("label_token_prm", step_tag="<t>").score([STEPS])
    transport = standin("judge")
    del transport.replies["/generative_scoring"]
    among = await made("label_token_prm", transport, step_tag="<t>").score([STEPS])

    assert among.items[0].score == pytest.approx(exact.items[0].score)
    assert "/v1/completions" in transport.paths()


async def test_one_bad_step_leaves_a_candidate_without_a_score() -> None:
    """A minimum over the steps that happened to be read would be too high."""
    transport = standin("judge")
    own = transport.replies["/v1/chat/completions/batch"]

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        status, reply = own(asked)
        reply["choices"][1]["logprobs"] = None
        return status, reply

    transport.replies["/v1/chat/completions/batch"] = answer
    [verdict] = (await made("label_token_prm", transport).score([STEPS])).items

    assert (verdict.score, verdict.status) == (None, Status.ERROR)
    assert str(verdict.reason).startswith("step 2: ")
