"""A chat completion as it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.service.api.compat.openai_chat_requests import OUR_FIELDS, ChatRequest

TALK = [{"role": "user", "content": "Is it right?"}]


def test_a_completion_needs_its_messages_alone() -> None:
    """What else it has is the upstream's, and stays."""
    request = ChatRequest.model_validate({"messages": TALK, "temperature": 0.5})

    assert (request.n, request.stream, request.assay.candidates) == (None, None, None)
    assert (request.assay.select, request.assay.explain) == ("best", True)
    assert request.model_extra == {"temperature": 0.5}


@pytest.mark.parametrize("fields", [
    {"messages": []}, {"n": 0}, {"n": 257}, {"assay": {"confidence": 1}}, {"assay": {"select": "worst"}},
    {"assay": {"budget": {"seconds": 0}}}, {"assay": {"budget": {"dollars": 1}}}, {"assay": {"colour": 1}},
])  # fmt: skip
def test_a_wrong_option_is_refused(fields: dict[str, Any]) -> None:
    """Also one that we do not have."""
    with pytest.raises(ValidationError):
        ChatRequest.model_validate({"messages": TALK, **fields})


def test_our_fields_are_not_the_upstreams() -> None:
    """Each of them is one of a request."""
    assert set(OUR_FIELDS) <= set(ChatRequest.model_fields)
