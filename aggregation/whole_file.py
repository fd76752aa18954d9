"""A file that is whole or not there, also after a power cut."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

#: The longest name on Linux's file systems is 255 bytes; a file beside has some more than its own.
LONGEST_NAME = 240
#: Where names stand for files that a process has open: what follows must go to the same file.
OPEN_FILES = ("/proc", "/dev/fd")


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


def save_file(path: Path, content: bytes) -> None:
    """Write a file that somebody keeps: if this fails, an older file of the name stays whole.

    Links are followed, and the older file's permissions stay. A pipe, a device, and a file that
    no new one can take the place of are written directly. Raises `OSError`.
    """
    target = _replaceable(path)
    if target is None:
        path.write_bytes(content)
    else:
        replace_file(target, content, like=target if target.exists() else None)


def replace_file(
    path: Path, content: bytes, unfinished: str = "", like: Path | None = None
) -> None:
    """Replace a file as a whole; it is on the disk before this returns.

    It gets the group and the permissions of the file `like`. A killed process leaves a file whose
    name begins with a dot and ends with `unfinished`. Raises `OSError` if the replacement fails.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{unfinished}")
    try:
        with beside.open("wb") as file:
            if like is not None:  # before the content, which others may not be allowed to read
                _copy_access(like, beside)
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


def _replaceable(path: Path) -> Path | None:
    """Return the file that links lead to; None where only a write in place does the same."""
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    except OSError:  # such as links in a circle: writing gives the reason
        return None
    target = path.absolute()
    while True:
        folder = target.parent.resolve()
        if any(folder.is_relative_to(open_files) for open_files in OPEN_FILES):
            return None
        if not target.is_symlink():
            break
        target = folder / target.readlink()
    may_add = os.access(folder, os.W_OK | os.X_OK)
    if not may_add or len(os.fsencode(target.name)) > LONGEST_NAME:
        return None
    return target if before is None or _is_ours_alone(target, before) else None


def _is_ours_alone(target: Path, before: os.stat_result) -> bool:
    """Whether a file is a regular one of one name, owner and group that a new file can have."""
    if not stat.S_ISREG(before.st_mode) or before.st_nlink > 1 or not os.access(target, os.W_OK):
        return False
    if os.name != "posix":
        return True
    groups = {os.getegid(), *os.getgroups()}
    return before.st_uid == os.geteuid() and before.st_gid in groups


def _copy_access(like: Path, path: Path) -> None:
    before = like.stat()
    if os.name == "posix":
        os.chown(path, -1, before.st_gid)
    path.chmod(stat.S_IMODE(before.st_mode))
