"""Refusals, in whichever form their clients read."""

from __future__ import annotations

from tests.support.servers.processes import Answer


def refusal_of(answer: Answer) -> tuple[str, str]:
    """Return the field that a refusal names, and its message, in any form."""
    error = answer.json["error"]
    return ("", error) if isinstance(error, str) else (error["param"] or "", error["message"])
