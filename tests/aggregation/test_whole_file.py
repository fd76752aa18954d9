"""Files are replaced as a whole, and on the disk before they have their name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aggregation.whole_file import replace_file


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """Whether there was one before or not."""
    for content in (b"one", b"two"):
        replace_file(tmp_path / "f", content)

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"f": b"two"}


def test_what_cannot_take_its_place_leaves_what_was_there(tmp_path: Path) -> None:
    """And nothing beside it."""
    (tmp_path / "f" / "inside").mkdir(parents=True)

    with pytest.raises(OSError, match=r"directory|empty"):
        replace_file(tmp_path / "f", b"x")

    assert os.listdir(tmp_path) == ["f"]
