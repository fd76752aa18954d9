"""Files are replaced as a whole, and on the disk before they have their name."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.aggregation.whole_file import replace_file, save_file
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


def test_a_result_that_fails_half_way_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or somebody who ends the command."""
    path = tmp_path / "f"
    path.write_text("old")
    for failure in (OSError(errno.ENOSPC, "full"), KeyboardInterrupt()):

        def fail(_: int, failure: BaseException = failure) -> None:
            raise failure

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(type(failure)):
            save_file(path, b"new")

        assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"f": "old"}


def test_an_older_files_permissions_stay(tmp_path: Path) -> None:
    """A new file has those that any new file has."""
    path = tmp_path / "f"
    save_file(path, b"one")
    (tmp_path / "plain").write_bytes(b"")
    at_first = path.stat().st_mode

    path.chmod(0o600)
    save_file(path, b"two")

    assert at_first == (tmp_path / "plain").stat().st_mode
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"two", 0o600)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed(tmp_path: Path, there: bool) -> None:
    """From link to link, also to a file that is not there yet."""
    (tmp_path / "results").mkdir()
    real = tmp_path / "results" / "f"
    if there:
        real.write_text("old")
    (tmp_path / "results" / "last").symlink_to("f")
    link = tmp_path / "link"
    link.symlink_to(Path("results") / "last")

    save_file(link, b"new")

    assert link.is_symlink()
    assert (tmp_path / "results" / "last").is_symlink()
    assert real.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path / "results")) == ["f", "last"]


def test_two_names_of_one_file_stay_two_names_of_it(tmp_path: Path) -> None:
    """A new file would be one of them alone."""
    path, other = tmp_path / "f", tmp_path / "other"
    path.write_text("old")
    other.hardlink_to(path)

    save_file(path, b"new")

    assert other.read_bytes() == b"new"


def test_a_name_too_long_for_a_file_beside_it_is_written_directly(tmp_path: Path) -> None:
    """As is one in a folder that takes no new files."""
    path = tmp_path / ("f" * 255)

    save_file(path, b"new")

    assert path.read_bytes() == b"new"


def test_what_cannot_be_written_is_an_error_of_the_name_that_was_given(tmp_path: Path) -> None:
    """A folder, one that is missing, and links in a circle."""
    (tmp_path / "circle").symlink_to("circle")
    for path in (tmp_path, tmp_path / "missing" / "f", tmp_path / "circle"):
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the name is what counts
            save_file(path, b"new")
        assert caught.value.filename == str(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_with_a_name_is_written_to(tmp_path: Path) -> None:
    """It stays one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()

    save_file(pipe, b"new")
    reader.join(10)

    assert read == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="a name of Unix")
def test_the_standard_output_is_written_to(tmp_path: Path) -> None:
    """A pipe, a file or nothing: the file is the one that the shell opened."""
    code = (
        "from pathlib import Path; from assay.aggregation.whole_file import save_file;"
        " save_file(Path('/dev/stdout'), b'new\\n')"
    )
    command = [sys.executable, "-c", code]

    piped = subprocess.run(command, capture_output=True, check=True).stdout
    with (tmp_path / "f").open("wb") as file:
        opened = os.fstat(file.fileno()).st_ino
        subprocess.run(command, stdout=file, check=True)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    assert piped == b"new\n"
    assert ((tmp_path / "f").read_bytes(), (tmp_path / "f").stat().st_ino) == (b"new\n", opened)
    assert os.listdir(tmp_path) == ["f"]
