"""The question and candidates of the contract suite."""

from __future__ import annotations

from typing import Any

from tests.support.servers.processes import Server

QUERY = "What is 17 + 25? Think step by step."


CANDIDATES = [
    f"Take {place} first.\n\n17 + 25 = {place + 26}.\n\nThe answer is {place + 26}."
    for place in range(32)
]


def ids_of(server: Server, **asked: Any) -> list[int]:
    """Return token ids."""
    return list(server.post("/tokenize", asked).json["tokens"])
