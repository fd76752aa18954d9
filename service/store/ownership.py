"""Whose a folder and a socket are: the embedded store serves its own user only."""

from __future__ import annotations

import os
import socket
import stat
import struct
from pathlib import Path

from assay.service.domain.errors import StartupError


class EmbeddedStoreError(StartupError):
    """The embedded store cannot be started; the message names a remedy."""


def credentials(connection: socket.socket) -> tuple[int | None, int | None]:
    """Return the process and the user at the other end of a socket.

    None where the system does not say.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return None, None
    pid, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return pid, user


def check_ours(folder: Path) -> None:
    """Raise `EmbeddedStoreError` for a folder where another user could put a server."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EmbeddedStoreError(
            f"the folder {folder} is not this user's alone (owner {status.st_uid}, mode"
            f" {stat.S_IMODE(status.st_mode):o}): make it so (chown, chmod 700), or set another"
            " --data-dir"
        )
