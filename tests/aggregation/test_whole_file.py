"""Files are replaced as a whole, and on the disk before they have their name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.aggregation.whole_file import replace_file
from assay.service.batch.files import Files


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


@pytest.mark.skipif(os.name != "posix", reason="Windows opens no folder")
def test_a_files_content_and_its_name_are_put_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content before it has the name, and the name, which the folder has, before this
    returns; where a bulk job writes as well.
    """
    ways: list[Callable[[], None]] = [
        lambda: replace_file(tmp_path / "f", b"x"),
        lambda: Files(str(tmp_path)).put(b"x", "f"),
    ]
    for replace in ways:
        (tmp_path / "f").unlink(missing_ok=True)
        synced: list[tuple[int, bool]] = []
        monkeypatch.setattr(
            os,
            "fsync",
            lambda file, to=synced: to.append((os.fstat(file).st_ino, (tmp_path / "f").exists())),
        )

        replace()

        assert synced == [((tmp_path / "f").stat().st_ino, False), (tmp_path.stat().st_ino, True)]


def test_what_a_killed_bulk_job_left_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only that."""
    left: list[Path] = []
    monkeypatch.setattr(
        os,
        "replace",
        lambda beside, path: left.append(Path(beside).rename(tmp_path / Path(beside).name)),
    )
    monkeypatch.setattr(
        Path, "unlink", lambda path, missing_ok: None
    )  # a process that is killed removes nothing
    files = Files(str(tmp_path))
    files.put(b"x", "f")
    monkeypatch.undo()
    files.put(b"x", "g")
    assert len(left) == 1
    assert left[0].exists()

    files.sweep()

    assert os.listdir(tmp_path) == ["g"]
