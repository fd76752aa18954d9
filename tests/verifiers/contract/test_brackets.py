"""A quick search for the first characters of special tokens."""

from __future__ import annotations

import pytest

from assay.verifiers.contract.brackets import has_brackets


@pytest.mark.parametrize("text", ["<s>", "[INST]", "x]", ">>", "a|||b"])
def test_what_a_token_may_begin_with_is_seen(text: str) -> None:
    """Angles, squares, and doubled or tripled marks."""
    assert has_brackets(text)


@pytest.mark.parametrize("text", ["", "3 + 4 = 7", "x > y", "a | b"])
def test_plain_text_has_none(text: str) -> None:
    """A single sign is mathematics."""
    assert not has_brackets(text)
