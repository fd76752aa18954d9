"""One raw reward a conversation."""

from __future__ import annotations

import orjson

from tests.support.verifiers.served_models import PAIRS, QUERY, served_verifier, standin_transport


async def test_rendering_here_gives_the_score_of_the_servers_own_template() -> None:
    """The batched form and the one-conversation form agree, and no special token is added twice."""
    transport = standin_transport("reward")
    together = await served_verifier("reward", transport).score(PAIRS)
    singly = [
        (
            await transport.post(
                "http://x/classify",
                orjson.dumps(
                    {
                        "use_activation": False,
                        "messages": [
                            {"role": "user", "content": QUERY.text},
                            {"role": "assistant", "content": pair.candidate},
                        ],
                    }
                ),
            )
        )[1]
        for pair in PAIRS
    ]

    assert transport.paths().count("/classify") == 1 + len(PAIRS)
    batch = next(asked for path, asked in transport.sent if path == "/classify")
    assert (batch["add_special_tokens"], batch["use_activation"]) == (False, False)
    assert [
        f'"probs": [{verdict.score}]'.encode() in raw.replace(b'":[', b'": [')
        for verdict, raw in zip(together.items, singly, strict=True)
    ]
