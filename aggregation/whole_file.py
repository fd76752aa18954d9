"""A file that is whole or not there, also after a power cut."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path


def read_file(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    Raises `OSError` for a longer file, or one that is not regular.
    """
    if not stat.S_ISREG(
        path.stat().st_mode
    ):  # a device has no end, and a pipe may have no beginning
        raise OSError(errno.EINVAL, "no regular file", str(path))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    return content


def replace_file(path: Path, content: bytes, unfinished: str = "") -> None:
    """Replace a file as a whole; it is on the disk before this returns.

    A killed process leaves a file whose name begins with a dot and ends with `unfinished`.
    Raises `OSError` if the replacement fails.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{unfinished}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    if os.name == "posix":  # the name is on the disk as well; Windows opens no folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
