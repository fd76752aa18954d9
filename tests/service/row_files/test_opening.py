"""The bytes of files of rows."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path

import pytest
import zstandard

from assay.service.domain.errors import StartupError
from assay.service.row_files import opening
from assay.service.row_files.opening import first_bytes, load_zstandard, opened_file, reusable

CONTENT = b'{"a": 1}\n' * 9000


@pytest.mark.parametrize(
    "packed",
    [
        CONTENT,
        gzip.compress(CONTENT),
        gzip.compress(CONTENT[:900]) + gzip.compress(CONTENT[900:]),
        zstandard.ZstdCompressor().compress(CONTENT),
        zstandard.compress(CONTENT[:900]) + zstandard.compress(CONTENT[900:]),
    ],
    ids=["plain", "gzip", "members", "zstd", "frames"],
)
def test_content_is_unpacked_whatever_the_name(tmp_path: Path, packed: bytes) -> None:
    """Also of several members or frames."""
    (tmp_path / "f").write_bytes(packed)

    with opened_file(tmp_path / "f") as opened:
        assert CONTENT.startswith(opened.first)
        assert opened.content.read() == CONTENT


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain file may be as long as it is."""
    monkeypatch.setattr(opening, "MOST_UNPACKED", 20_000)
    assert callable(pack)
    (tmp_path / "packed").write_bytes(pack(CONTENT))
    (tmp_path / "plain").write_bytes(CONTENT)

    with opened_file(tmp_path / "plain") as opened:
        assert len(opened.content.read()) == len(CONTENT)
    with (
        opened_file(tmp_path / "packed") as opened,
        pytest.raises(StartupError, match="packed bytes become more than"),
    ):
        opened.content.read()


def test_a_window_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    """A frame of zstd says how much memory its reader needs."""
    settings = zstandard.ZstdCompressionParameters.from_level(1, window_log=28)
    packer = zstandard.ZstdCompressor(compression_params=settings)
    packing = packer.compressobj()
    (tmp_path / "f").write_bytes(packing.compress(CONTENT) + packing.flush())

    with (
        pytest.raises(StartupError, match="cannot be read"),
        opened_file(tmp_path / "f") as opened,
    ):
        opened.content.read()


def test_a_pipe_is_read_to_the_end_of_its_first_line() -> None:
    """Further ones may come much later."""
    parts = [b"{", b'"a": 1}', b"\n", b"never read"]

    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            part = parts.pop(0)
            assert isinstance(buffer, (bytearray, memoryview))
            buffer[: len(part)] = part
            return len(part)

    assert first_bytes(Pipe(), 100) == b'{"a": 1}\n'
    assert parts == [b"never read"]


def test_zstandard_is_installed() -> None:
    """As a dependency."""
    assert load_zstandard() is zstandard


def test_a_pipe_can_be_read_several_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So can standard input; a file is read where it is, and nothing is left behind."""
    (tmp_path / "f").write_bytes(CONTENT)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(CONTENT,))
    writer.start()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONTENT)))

    for name in (tmp_path / "f", tmp_path / "pipe", Path("-")):
        with reusable(name) as kept:
            assert kept.read_bytes() == kept.read_bytes() == CONTENT
            assert (kept == name) is (name.name == "f")
        assert kept.exists() is (name.name == "f")
    writer.join()
    with reusable(tmp_path / "none") as kept:
        assert kept == tmp_path / "none"
