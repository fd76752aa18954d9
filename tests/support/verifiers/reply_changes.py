"""Stand-ins whose replies are changed before they are sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import EXAMPLES, standin

#: Where a kind asks for scores.
SCORING_PATHS = (
    "/score",
    "/classify",
    "/pooling",
    "/v1/chat/completions",
    "/v1/chat/completions/batch",
    "/v1/completions",
    "/generative_scoring",
    "/v1/embeddings",
)


def with_changed_replies(kind: str, change: Callable[[Any], Any]) -> FakeTransport:
    """Return a stand-in whose scoring replies are changed before they are sent."""
    whole = standin(EXAMPLES[kind].server or "")

    def answer(path: str, asked: Any) -> tuple[int, Any]:
        status, reply = whole.replies[path](asked)
        return status, json.dumps(
            change(reply)
        ).encode() if status == 200 else reply  # also what orjson refuses to write

    changed = {
        path: (lambda asked, path=path: answer(path, asked))
        for path in SCORING_PATHS
        if path in whole.replies
    }
    return FakeTransport({**whole.replies, **changed})
