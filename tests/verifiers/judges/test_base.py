"""The judges beyond a plain Yes: the text that each reads, and texts that are no verdict."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.verifiers.kinds import made


@pytest.mark.parametrize(("kind", "options", "wrong"), [
    ("judge_scale", {"prompt": "{query} {candidate}"}, "worst"), ("judge_reference", {"prompt": "{query} {candidate} {reference}"}, "order"),
    ("judge_rubric", {"criteria": []}, "criteria"), ("judge_pairwise", {"first": "A", "second": "A"}, "same label"),
    ("judge_rubric", {"criteria": [{"name": "a", "text": "b"}] * 2}, "same name"), ("judge_cot", {"yes": ["Yes"], "no": ["Yes"]}, "share a label"),
])  # fmt: skip
def test_wrong_settings_are_refused_at_the_start(
    kind: str, options: dict[str, Any], wrong: str
) -> None:
    """With a right value."""
    with pytest.raises(ValidationError, match=wrong):
        made(kind, **options)
