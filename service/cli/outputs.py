"""The file that a command writes, beside those that it reads."""

from __future__ import annotations

from pathlib import Path

from assay.service.domain.errors import StartupError


def check_output(out: Path, *inputs: Path | None) -> None:
    """Raise `StartupError` if a command would write over its own input, by whatever name."""
    for path in inputs:
        # A device, such as a terminal, may be read and written at once.
        if path is not None and path.is_file() and out.exists() and out.samefile(path):
            raise StartupError(f"{out}: is the same file as the input {path}; name another")
