"""The file that a command writes, beside those that it reads."""

from __future__ import annotations

import errno
from pathlib import Path

from assay.aggregation.whole_file import OPEN_FILES
from assay.service.domain.errors import StartupError


def check_output(out: Path, *inputs: Path | None) -> None:
    """Raise `StartupError` if a command would write over its own input, by whatever name."""
    if leads_in_circle(out):
        raise StartupError(f"{out}: is a link that leads in a circle; name another file")
    if out.is_dir():
        raise StartupError(f"{out}: is a folder; name a file for the output")
    for path in inputs:
        # A device, such as a terminal, may be read and written at once.
        if path is not None and path.is_file() and out.exists() and out.samefile(path):
            raise StartupError(f"{out}: is the same file as the input {path}; name another")


def leads_in_circle(path: Path) -> bool:
    """Return whether a path is a link that leads back to itself, by others or not."""
    try:
        path.stat()
    except OSError as exc:
        return exc.errno == errno.ELOOP
    return False


def is_stream(out: Path) -> bool:
    """Return whether an output is a pipe, a device or a file that a process has open, such as
    /dev/stdout: it is written from its start to its end, and never read or replaced.
    """
    if out.exists() and not out.is_file():
        return not out.is_dir()
    path = out.absolute()
    for _ in range(40):  # links, which may lead in a circle
        folder = path.parent.resolve()
        if any(folder.is_relative_to(open_files) for open_files in OPEN_FILES):
            return True
        if not path.is_symlink():
            return False
        path = folder / path.readlink()
    return False
