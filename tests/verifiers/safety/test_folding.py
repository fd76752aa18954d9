"""Texts as they look."""

from __future__ import annotations

import pytest

from assay.verifiers.safety.folding import folded


@pytest.mark.parametrize(
    "text",
    [
        "I cannot say", "**I cannot** say", "I *cannot* say", "__I cannot__ say", "<b>I cannot</b> say", "> I cannot say", "`I cannot say`",
        "I c\u0430nnot say", "\u0399 cannot say", "\u0406 cann\u043et s\u0430\u0443", "I ｃａｎｎｏｔ say", "I c\u200bannot say", "I cánnot say",
    ],
)  # fmt: skip
def test_what_looks_alike_reads_alike(text: str) -> None:
    """Markup, letters of other scripts, wide and invisible ones, accents."""
    assert folded(text) == "i cannot say"


@pytest.mark.parametrize(("text", "expected"), [
    ("Не могу", "не могу"), ("нет", "нет"), ("θ", "θ"), ("Ελλάδα", "ελλαδα"), ("申し訳ございません", "申し訳ございません"), ("snake_case_name", "snake_case_name"),
])  # fmt: skip
def test_other_scripts_stay(text: str, expected: str) -> None:
    """Only strays within Latin letters are replaced."""
    assert folded(text) == expected
