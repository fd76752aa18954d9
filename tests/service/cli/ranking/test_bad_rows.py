"""How many rows of a job may be bad."""

from __future__ import annotations

import pytest

from assay.service.cli.ranking.bad_rows import AllowedBad
from assay.service.domain.errors import StartupError


@pytest.mark.parametrize(
    ("text", "bad", "rows", "held"),
    [
        (None, 0, 10, True),
        (None, 1, 10, False),
        ("2", 2, 10, True),
        ("2", 3, 10, False),
        ("20%", 2, 10, True),
        ("20%", 3, 10, False),
        ("0.5%", 1, 100, False),
        ("100%", 10, 10, True),
    ],
)
def test_a_number_or_a_share_is_allowed(text: str | None, bad: int, rows: int, held: bool) -> None:
    """None by default."""
    assert AllowedBad.parse(text).hold(bad, rows) is held


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "nan%", "many", "5 %%"])
def test_another_text_is_refused(text: str) -> None:
    """With what it takes."""
    with pytest.raises(StartupError, match="--allow-bad takes a number of rows"):
        AllowedBad.parse(text)
