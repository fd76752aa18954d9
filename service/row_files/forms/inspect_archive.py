"""Rows of an Inspect log in its packed form (`.eval`): a zip with a JSON file for each sample.

Published form: UKGovernmentBEIS/inspect_ai, `src/inspect_ai/log/_recorders/eval.py` (`header.json`,
while it runs `_journal/start.json`; `samples/ID_epoch_N.json`) and `_util/zipfile.py` (packed by
deflate, since 2026 by zstd, which Python's zipfile does not read before 3.14).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.json_row import json_row
from assay.service.row_files.forms.json_text import LONGEST_OBJECT, MOST_OBJECT_VALUES
from assay.service.row_files.opening import load_zstandard
from assay.service.row_files.problems import RowProblem

#: Bounds on an archive: its members, its table of contents, and what its samples become.
MOST_MEMBERS, LONGEST_DIRECTORY, MOST_OF_SAMPLES = 200_000, 64 << 20, 4 << 30
ZIP_ZSTANDARD = 93
LOG_HEADERS = ("header.json", "_journal/start.json")
_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_DAMAGED = (
    BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    ValueError,
    OverflowError,
    OSError,
)
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")


def rows_of_archive(
    file: Path, content: IO[bytes]
) -> Iterator[tuple[int, dict[str, Any] | RowProblem]]:
    """Yield a log with one sample for each sample, counted from 1; nothing is unpacked on disk.

    Raises `StartupError` where the archive as a whole is no log.
    """
    try:
        _check_directory(file, content)
        with ZipFile(content) as archive:
            yield from _rows(file, archive, content)
    except _DAMAGED as exc:
        raise StartupError(f"{file}: is no log of Inspect: {exc}") from None
    except RuntimeError as exc:  # zipfile: the member needs a password, or its packing is unknown
        raise StartupError(f"{file}: cannot be unpacked: {exc}") from None


def _check_directory(file: Path, content: IO[bytes]) -> None:
    """Raise `StartupError` for a table of contents that would not fit into memory."""
    size = content.seek(0, io.SEEK_END)
    content.seek(max(0, size - (1 << 16) - 100))
    tail = content.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise BadZipFile("its end is missing: it was cut off, or the run still writes it")
    length = struct.unpack_from("<L", tail, at + 12)[0]
    if tail[max(0, at - 20) : at].startswith(_LOCATOR_64):
        content.seek(struct.unpack_from("<Q", tail, at - 12)[0])
        record = content.read(56)
        if not record.startswith(_END_64):
            raise BadZipFile("its end is damaged")
        length = struct.unpack_from("<Q", record, 40)[0]
    if length > LONGEST_DIRECTORY:
        raise StartupError(f"{file}: its table of contents has more than {LONGEST_DIRECTORY} bytes")
    content.seek(0)


def _rows(
    file: Path, archive: ZipFile, content: IO[bytes]
) -> Iterator[tuple[int, dict[str, Any] | RowProblem]]:
    # A header that was written again occurs twice: the last counts.
    members = {info.filename: info for info in archive.infolist()}
    if len(members) > MOST_MEMBERS:
        raise StartupError(f"{file}: has more than {MOST_MEMBERS} members")
    header = next((members[name] for name in LOG_HEADERS if name in members), None)
    if header is None:
        raise BadZipFile(f"it has neither {' nor '.join(LOG_HEADERS)}")
    spec = json_row(_unpacked(file, archive, content, header), MOST_OBJECT_VALUES)
    if isinstance(spec, RowProblem) or not isinstance(spec.get("eval"), dict):
        raise BadZipFile(f"{header.filename} has no `eval`")
    samples = [
        info
        for name, info in members.items()
        if name.startswith("samples/") and name.endswith(".json")
    ]
    if sum(info.file_size for info in samples) > MOST_OF_SAMPLES:
        raise StartupError(f"{file}: its samples become more than {MOST_OF_SAMPLES} bytes")
    log = {"eval": spec["eval"], "status": spec.get("status")}
    for number, info in enumerate(samples, 1):
        sample = json_row(_unpacked(file, archive, content, info), MOST_OBJECT_VALUES)
        yield number, sample if isinstance(sample, RowProblem) else {**log, "samples": [sample]}
    if not samples:
        yield 1, {**log, "samples": []}


def _unpacked(file: Path, archive: ZipFile, content: IO[bytes], info: ZipInfo) -> bytes:
    """Return a member's bytes, no more than it claims; raise for another length or checksum."""
    name = info.filename[:80]
    if info.file_size > LONGEST_OBJECT:
        raise StartupError(f"{file}: {name!r} has more than {LONGEST_OBJECT} bytes")
    if info.compress_type in (ZIP_STORED, ZIP_DEFLATED):
        with archive.open(info) as member:
            unpacked = member.read(info.file_size + 1)
    elif info.compress_type == ZIP_ZSTANDARD:
        unpacked = _of_zstandard(content, info)
    else:
        # zipfile raises the same for the methods that it does not know
        raise NotImplementedError(f"{name!r} is packed by method {info.compress_type}")
    if len(unpacked) != info.file_size or zlib.crc32(unpacked) != info.CRC:
        raise BadZipFile(f"{name!r} is damaged")
    return unpacked


def _of_zstandard(content: IO[bytes], info: ZipInfo) -> bytes:
    zstandard = load_zstandard()
    if info.flag_bits & 1:
        raise RuntimeError(f"{info.filename[:80]!r} is encrypted")
    content.seek(info.header_offset)
    header = _LOCAL_HEADER.unpack(content.read(_LOCAL_HEADER.size))
    content.seek(header[-2] + header[-1], io.SEEK_CUR)  # its name and extra fields
    packed = io.BytesIO(content.read(info.compress_size))
    unpacking = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    try:
        with unpacking.stream_reader(packed, read_across_frames=True) as reader:
            return bytes(reader.read(info.file_size + 1))
    except zstandard.ZstdError as exc:
        raise BadZipFile(f"{info.filename[:80]!r} is damaged: {exc}") from None
