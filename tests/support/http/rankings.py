"""A question, a right and a wrong answer, and their ranking over HTTP."""

from __future__ import annotations

from typing import Any

from tests.support.servers.processes import Server

QUERY = "What is 3 + 4? End with 'The answer is N.'"
GOOD, BAD = "3 + 4 = 7. The answer is 7.", "3 + 4 = 9. The answer is 9."


def rank(assay: Server, candidates: list[Any], **more: Any) -> Any:
    """Return a ranking."""
    answer = assay.post("/v1/rank", {"query": QUERY, "candidates": candidates, **more})
    assert answer.status == 200, answer.raw
    return answer.json
