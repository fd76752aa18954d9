"""A reward model that scores every token."""

from __future__ import annotations

from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import STEPS


async def test_a_reward_token_is_put_after_the_conversation_as_an_id() -> None:
    """It has no text of its own, and the score is read there."""
    transport = standin("tokens")

    [plain] = (await made("reward_tokens").score([STEPS])).items
    [verdict] = (await made("reward_tokens", transport, reward_token_id=3).score([STEPS])).items

    sent = transport.sent[-1][1]
    assert sent["input"][0][-1] == 3
    assert (sent["task"], sent["use_activation"]) == ("token_classify", False)
    assert verdict.score != plain.score
