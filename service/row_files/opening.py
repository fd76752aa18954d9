"""The bytes of a file of rows, unpacked: of a file, a pipe or standard input (`-`)."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import RowPacking

STANDARD_INPUT = Path("-")
#: What packed content may become: so many bytes, or so many times what was read of the file.
MOST_UNPACKED, MOST_TIMES = 1 << 30, 100
#: Bytes of memory that zstandard may need to unpack (its `--long=27`).
WIDEST_WINDOW = 1 << 27
#: So many first bytes tell what a file holds.
FIRST_BYTES = 1 << 13
MAGIC: dict[bytes, RowPacking] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file's content without its packing, and what packed it; `first`: its first bytes."""

    content: io.BufferedReader
    first: bytes
    packing: RowPacking


@contextmanager
def opened_file(file: Path) -> Iterator[OpenedFile]:
    """Open a file of rows, by its content whatever its name; raise `StartupError` if it cannot be
    read.
    """
    with _raw(file) as raw:
        counted = _Counted(file, raw)
        first = first_bytes(counted, 4)
        packings = [MAGIC[magic] for magic in MAGIC if first.startswith(magic)]
        packing: RowPacking = packings[0] if packings else ""
        plain = Prefixed(first, counted)
        content: io.RawIOBase = plain
        if packing:
            content = _Unpacked(file, _unpacker(packing, plain), counted)
        first = first_bytes(content, FIRST_BYTES)
        yield OpenedFile(io.BufferedReader(Prefixed(first, content), 1 << 16), first, packing)


@contextmanager
def reusable(file: Path) -> Iterator[Path]:
    """Return a file that can be read several times: a pipe or standard input is kept until the
    end, in a temporary file of its name.

    Raises `StartupError` where it cannot be read.
    """
    if file != STANDARD_INPUT and (file.is_file() or file.is_dir() or not file.exists()):
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="assay-") as folder, _raw(file) as raw:
        kept = Path(folder, "stdin" if file == STANDARD_INPUT else file.name)
        with kept.open("wb") as copy:
            shutil.copyfileobj(raw, copy)
        yield kept


def first_bytes(content: io.RawIOBase, most: int) -> bytes:
    """Return the first bytes, at most `most`; a pipe is read to the end of its first line."""
    first = b""
    while len(first) < most and (len(first) < 4 or b"\n" not in first):
        part = content.read(most - len(first))
        if not part:
            break
        first += part
    return first


@contextmanager
def _raw(file: Path) -> Iterator[IO[bytes]]:
    if file == STANDARD_INPUT:
        if sys.stdin is None:
            raise StartupError("-: standard input is closed")
        yield sys.stdin.buffer
        return
    try:
        raw = file.open("rb")
    except (OSError, ValueError) as exc:  # a name with a NUL is a ValueError
        raise StartupError(f"{file}: {getattr(exc, 'strerror', None) or exc}") from None
    with raw:
        yield raw


class Prefixed(io.RawIOBase):
    """Content whose first bytes were read already."""

    def __init__(self, first: bytes, rest: io.RawIOBase) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        if not self._first:
            return self._rest.readinto(buffer) or 0
        part, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class _Counted(io.RawIOBase):
    """A file's own bytes, counted."""

    def __init__(self, file: Path, raw: IO[bytes]) -> None:
        self._file, self._raw, self.read_bytes = file, raw, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            # a pipe gives what it has, so that rows are read as they come
            part = (getattr(self._raw, "read1", None) or self._raw.read)(len(buffer))
        except (OSError, ValueError) as exc:  # a closed standard input is a ValueError
            reason = getattr(exc, "strerror", None) or exc
            raise StartupError(f"{self._file}: cannot be read: {reason}") from None
        self.read_bytes += len(part)
        buffer[: len(part)] = part
        return len(part)


def load_zstandard() -> Any:
    """Return zstandard; raise `StartupError` if it is not installed."""
    try:
        import zstandard
    except ImportError:
        raise StartupError("zstandard is not installed: pip install zstandard") from None
    return zstandard


def _unpacker(
    packing: RowPacking, content: io.RawIOBase
) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return a reader of unpacked bytes, and what it raises for damaged ones."""
    if packing == "gzip":
        return gzip.GzipFile(fileobj=io.BufferedReader(content)), (OSError, EOFError, zlib.error)
    zstandard = load_zstandard()
    unpacking = zstandard.ZstdDecompressor(max_window_size=WIDEST_WINDOW)
    return (
        unpacking.stream_reader(io.BufferedReader(content), read_across_frames=True),
        (zstandard.ZstdError, OSError),
    )


class _Unpacked(io.RawIOBase):
    """Unpacked content, read up to a bound: it may be far longer than its file."""

    def __init__(
        self, file: Path, unpacker: tuple[Any, tuple[type[Exception], ...]], packed: _Counted
    ) -> None:
        self._file, self._packed, self._unpacked = file, packed, 0
        self._content, self._errors = unpacker

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            part = self._content.read(len(buffer))
        except self._errors as exc:
            raise StartupError(f"{self._file}: cannot be read: {exc}") from None
        self._unpacked += len(part)
        if self._unpacked > max(MOST_UNPACKED, MOST_TIMES * self._packed.read_bytes):
            raise StartupError(
                f"{self._file}: {self._packed.read_bytes} packed bytes become more than"
                f" {self._unpacked}: split it, or unpack it"
            )
        buffer[: len(part)] = part
        return len(part)
