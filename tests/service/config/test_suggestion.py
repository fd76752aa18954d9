"""A hint at the name that was meant."""

from __future__ import annotations

import pytest

from assay.service.config.suggestion import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("jugde", ["judge", "length"], "; did you mean `judge`?"),
        ("nope", ["judge", "length"], "; choose from: judge, length"),
        ("nope", [], ""),
        ("nope", [f"v{number}" for number in range(31)], ""),
        ("lenght", [*(f"v{number}" for number in range(31)), "length"], "; did you mean `length`?"),
    ],
)
def test_the_nearest_name_is_hinted_at_or_all_where_there_are_few(
    word: str, known: list[str], hint: str
) -> None:
    """Many names would be no help."""
    assert did_you_mean(word, known) == hint
