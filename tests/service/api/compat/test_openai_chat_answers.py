"""A completion as it is returned."""

from __future__ import annotations

import json

from assay.service.api.compat.openai_chat_answers import stream_events
from assay.service.scoring.best_of_n import (
    choice_text,
    status_of,
)
from tests.support.verifiers.generators import drawn_from

PARTS = [
    {"type": "text", "text": "It is"},
    {"type": "image_url", "image_url": {"url": "x"}},
    {"type": "text", "text": "7."},
    "Or so.",
]


async def test_an_answer_in_parts_is_read_and_streamed_as_their_text() -> None:
    """As a client's own turns are; tools beside it come as they are, numbered."""
    message = {
        "role": "assistant",
        "content": PARTS,
        "tool_calls": [{"index": 7, "id": "a", "function": {"name": "add"}}],
    }
    drawn = await drawn_from(200, {"choices": [{"message": message, "finish_reason": "stop"}]}, 1)
    answer = {
        "id": "1",
        "created": 1,
        "model": "m",
        "choices": [{**drawn.choices[0], "index": 0}],
        "assay": {},
    }

    events = [event async for event in stream_events(answer, False)]

    assert choice_text(drawn.choices[0]) == 'It is\n[image_url]\n7.\nOr so.\n{"name":"add"}'
    assert status_of(drawn.choices[0]) == "ok"
    deltas = [
        json.loads(event[6:].split(b"\n\n")[0])["choices"][0]["delta"] for event in events[:-1]
    ]
    assert "".join(delta.get("content", "") for delta in deltas) == "It is\n[image_url]\n7.\nOr so."
    assert deltas[0]["tool_calls"] == [{"index": 0, "id": "a", "function": {"name": "add"}}]
    assert events[-1].endswith(b"data: [DONE]\n\n")
