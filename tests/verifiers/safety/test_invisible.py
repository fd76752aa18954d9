"""Invisible characters."""

from __future__ import annotations

import unicodedata

from assay.verifiers.safety.invisible import bare


def test_every_character_that_unicode_ignores_or_calls_a_blank_is_one() -> None:
    """Checked against the tables of Python; Arabic and Egyptian signs of the same category are
    seen.
    """
    seen = {
        "\u0600",
        "\u0601",
        "\u0602",
        "\u0603",
        "\u0604",
        "\u0605",
        "\u06dd",
        "\u070f",
        "\u0890",
        "\u0891",
        "\u08e2",
        "\ufff9",
        "\ufffa",
        "\ufffb",
    }
    seen |= {
        chr(place)
        for start, end in ((0x110BD, 0x110BE), (0x110CD, 0x110CE), (0x13430, 0x13440))
        for place in range(start, end)
    }
    every = (chr(place) for place in range(0x110000) if not 0xD800 <= place < 0xE000)
    missed = [
        each
        for each in every
        if unicodedata.category(each) in ("Zs", "Zl", "Zp", "Cf", "Cc")
        and bare(each).strip()
        and each not in seen
    ]

    assert missed == []
