"""What was asked, in the forms that tools have."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.conversations import as_messages, content_text, messages_of
from assay.service.importers.tool_rows import ToolRow

ROW = ToolRow({}, 2, "f.jsonl")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("x", "x"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}], "ab"),
        ([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "b"}], "b"),
        ([{"type": "image", "image": "…"}], None),
        (5, None),
    ],
)
def test_the_text_of_a_content(content: object, text: str | None) -> None:
    """An image has none."""
    assert content_text(content) == text


@pytest.mark.parametrize(
    ("prompt", "is_chat"),
    [
        ('[{"role": "user", "content": "hi"}]', True),
        ('[{"role": "user"}, {"role": "x", "content": []}]', True),
        ('[{"a": 1}]', False),
        ('[{"role": "user", "content": 5}]', False),
        ("[{not json}]", False),
        ("plain", False),
    ],
)
def test_a_prompt_that_holds_messages(prompt: str, is_chat: bool) -> None:
    """Another prompt stays a text."""
    assert (as_messages(prompt) is not None) == is_chat


def test_a_message_without_a_role_or_with_an_image_is_refused() -> None:
    """With its place."""
    with pytest.raises(StartupError, match=r"f\.jsonl:2: input\.0: must be a message with a role"):
        messages_of(ROW, "input", ["x"])
    with pytest.raises(StartupError, match=r"input\.0\.content: has a part that is no text"):
        messages_of(ROW, "input", [{"role": "user", "content": [{"type": "image"}]}])
