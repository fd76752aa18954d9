"""A command writes over none of its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.service.cli.outputs import check_output, is_stream
from assay.service.domain.errors import StartupError


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_an_output_that_is_an_input_is_refused(
    tmp_path: Path, link: Callable[[Path, Path], None] | None
) -> None:
    """Also by a link of either sort, and by a way around."""
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text("one")
    if link is None:
        out = tmp_path / ".." / tmp_path.name / "in.jsonl"
    else:
        link(out, file)

    with pytest.raises(StartupError, match="is the same file as the input"):
        check_output(out, None, file)
    assert file.read_text() == "one"


def test_other_outputs_are_left_alone(tmp_path: Path) -> None:
    """A file that is not there yet, one that is, an input that is missing, a device."""
    file, other = tmp_path / "in.jsonl", tmp_path / "other.jsonl"
    file.write_text("one")
    other.write_text("two")

    check_output(tmp_path / "new.jsonl", file, tmp_path / "none.jsonl", None)
    check_output(other, file)
    check_output(Path("/dev/zero"), Path("/dev/zero"))

    assert (file.read_text(), other.read_text()) == ("one", "two")
    assert not (tmp_path / "new.jsonl").exists()


def test_pipes_devices_and_open_files_are_streams(tmp_path: Path) -> None:
    """F22: by link as well; a file, a link to one and a folder are none."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    (tmp_path / "named").symlink_to("/dev/stdout")
    (tmp_path / "file").touch()
    (tmp_path / "other").symlink_to(tmp_path / "new")

    streams = [tmp_path / "fifo", tmp_path / "link", tmp_path / "named", Path("/dev/zero")]
    assert all(map(is_stream, [*streams, Path("/dev/stdout"), Path("/proc/self/fd/1")]))
    assert not any(map(is_stream, [tmp_path, *(tmp_path / n for n in ("file", "other", "new"))]))
