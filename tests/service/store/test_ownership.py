"""Whose a folder and a socket are."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from assay.service.store.ownership import EmbeddedStoreError, check_ours, credentials


def test_a_folder_of_ours_alone_passes(tmp_path: Path) -> None:
    """The check changes nothing of it."""
    tmp_path.chmod(0o700)

    check_ours(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o770, 0o777])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    """The message has its mode and the remedy."""
    tmp_path.chmod(mode)

    with pytest.raises(EmbeddedStoreError, match=f"mode {mode:o}.*chmod 700"):
        check_ours(tmp_path)


def test_a_file_or_a_link_is_no_folder(tmp_path: Path) -> None:
    """A link may lead to another user's folder."""
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "file").touch(mode=0o600)

    check_ours(tmp_path / "folder")
    for name in ("link", "file"):
        with pytest.raises(EmbeddedStoreError, match="not this user's alone"):
            check_ours(tmp_path / name)


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the system does not tell")
def test_a_socket_tells_who_is_at_its_other_end() -> None:
    """Here it is this process."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert credentials(ours) == (os.getpid(), os.getuid())
