"""Packed files from anywhere: their claimed size is checked before anything is unpacked."""

from __future__ import annotations

import lzma
import math
import zlib
from collections.abc import Set
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile, ZipFile

import numpy as np

#: What the libraries that read files raise for hostile ones: packed data that is damaged or
#: encrypted, nesting, types, numbers.
UNREADABLE_ERRORS = (
    ValueError,
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    MemoryError,
    SyntaxError,
    TokenError,
)
#: So many bytes, or so many times a file's size, may come of it.
UNPACKED, TIMES = 1 << 30, 100


def look_into(path: Path, names: Set[str]) -> None:
    """Raise `ValueError` where an npz archive's arrays claim more than they have, or hold
    Python's objects.
    """
    with ZipFile(path) as archive:
        wanted = [
            info for info in archive.infolist() if info.filename.removesuffix(".npy") in names
        ]
        refuse_bomb(path, sum(info.file_size for info in wanted))
        for info in wanted:
            with archive.open(info) as member:
                major, _ = np.lib.format.read_magic(member)
                read = (
                    np.lib.format.read_array_header_1_0
                    if major == 1
                    else np.lib.format.read_array_header_2_0
                )
                shape, _, kind = read(member)
            if kind.hasobject:
                raise ValueError(
                    f"{info.filename}: holds Python objects, which are not read: write numbers or"
                    " strings"
                )
            if (claimed := math.prod(shape) * kind.itemsize) > info.file_size:
                raise ValueError(
                    f"{info.filename}: claims {claimed} bytes, and has {info.file_size}"
                )


def refuse_bomb(path: Path, unpacked: int) -> None:
    """Raise `ValueError` where a file would become more than its size lets expect."""
    size = path.stat().st_size
    if unpacked > max(UNPACKED, TIMES * size):
        raise ValueError(
            f"{size} bytes that would be {unpacked} when unpacked; write it less packed, or in"
            " parts"
        )
