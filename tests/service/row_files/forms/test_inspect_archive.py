"""Logs of Inspect in their packed form."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms import inspect_archive
from assay.service.row_files.reading import numbered_rows
from tests.support.tool_files.evaluations import inspect_log, inspect_sample

SPEC = {"eval": inspect_log([])["eval"], "status": "success"}


def archive(members: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip with members as JSON, or as they are where they are bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as written:
        for name, value in members.items():
            written.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return out.getvalue()


def log_of(*samples: dict[str, Any], header: str = "header.json") -> dict[str, Any]:
    """Return the members of a log."""
    named = {f"samples/{s['id']}_epoch_{s['epoch']}.json": s for s in samples}
    return {**named, "summaries.json": [], header: SPEC}


def by_zstandard(members: dict[str, Any]) -> bytes:
    """Return a zip whose members are packed by zstd: stored ones, with their headers changed."""
    plain = {name: json.dumps(value).encode() for name, value in members.items()}
    packed = {name: zstandard.compress(content) for name, content in plain.items()}
    raw = bytearray(archive(packed, zipfile.ZIP_STORED))
    for mark, method_at, crc_at, size_at in (
        (b"PK\x03\x04", 8, 14, 22),
        (b"PK\x01\x02", 10, 16, 24),
    ):
        at = 0
        for content in plain.values():
            at = raw.index(mark, at)
            struct.pack_into("<H", raw, at + method_at, inspect_archive.ZIP_ZSTANDARD)
            struct.pack_into("<L", raw, at + crc_at, zlib.crc32(content))
            struct.pack_into("<L", raw, at + size_at, len(content))
            at += 4
    return bytes(raw)


def read(folder: Path, content: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of a log with this content."""
    file = folder / "log.eval"
    file.write_bytes(content)
    return list(numbered_rows(file))


SAMPLES = (inspect_sample("a/b", "4", {"match": "C"}), inspect_sample(2, "", {"match": "I"}, 2))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(archive(log_of(*SAMPLES)), id="deflate"),
        pytest.param(archive(log_of(*SAMPLES), zipfile.ZIP_STORED), id="stored"),
        pytest.param(by_zstandard(log_of(*SAMPLES)), id="zstd"),
        pytest.param(archive(log_of(*SAMPLES, header="_journal/start.json")), id="running"),
    ],
)
def test_each_sample_is_a_log_with_one_sample(tmp_path: Path, content: bytes) -> None:
    """However it is packed; a run that still writes has its header elsewhere."""
    rows = read(tmp_path, content)

    assert [number for number, _ in rows] == [1, 2]
    assert [row["samples"] for _, row in rows] == [[sample] for sample in SAMPLES]
    assert {row["eval"]["task"] for _, row in rows} == {"sums"}


def test_nan_is_missing_and_a_log_without_samples_is_one_row(tmp_path: Path) -> None:
    """Unscored samples have NaN."""
    sample = inspect_sample(1, "x", {"match": float("nan")})

    ((_, row),) = read(tmp_path, archive(log_of(sample)))
    assert row["samples"][0]["scores"]["match"]["value"] is None
    assert [row["samples"] for _, row in read(tmp_path, archive(log_of()))] == [[]]


def damaged(content: bytes) -> bytes:
    """Return an archive with a byte of its first member changed."""
    at = content.index(b"samples/") + 60
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(archive({"x.json": {}}), "it has neither header.json nor", id="no header"),
        pytest.param(archive({"header.json": {}}), "header.json has no `eval`", id="no eval"),
        pytest.param(archive({"header.json": b"{"}), "header.json has no `eval`", id="no JSON"),
        pytest.param(archive(log_of(*SAMPLES))[:-30], "its end is missing", id="cut off"),
        pytest.param(damaged(archive(log_of(*SAMPLES))), "is no log of Inspect", id="deflate CRC"),
        pytest.param(damaged(by_zstandard(log_of(*SAMPLES))), "is damaged", id="zstd CRC"),
        pytest.param(
            archive(log_of(*SAMPLES), zipfile.ZIP_BZIP2), "is packed by method 12", id="bzip2"
        ),
    ],
)
def test_other_archives_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """In one line."""
    with pytest.raises(StartupError) as refused:
        read(tmp_path, content)

    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "sample", [b"{", b"[1]", b'{"a":' * 3000 + b"1" + b"}" * 3000, b"\xff\xfe"]
)
def test_a_bad_sample_is_named_with_its_number(tmp_path: Path, sample: bytes) -> None:
    """Also one that nests deeply."""
    members = {"samples/1_epoch_1.json": SAMPLES[0], "samples/2_epoch_1.json": sample}

    with pytest.raises(StartupError, match=r"log\.eval:2: "):
        read(tmp_path, archive({**members, "header.json": SPEC}))


def test_bombs_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By size, by number, by the table of contents, and where a member is longer than it claims."""
    zeros = {"samples/1_epoch_1.json": b"0" * 50_000, "header.json": SPEC}

    monkeypatch.setattr(inspect_archive, "LONGEST_OBJECT", 20_000)
    with pytest.raises(StartupError, match=r"'samples/1_epoch_1\.json' has more than 20000 bytes"):
        read(tmp_path, archive(zeros))
    monkeypatch.setattr(inspect_archive, "MOST_OF_SAMPLES", 10_000)
    with pytest.raises(StartupError, match="its samples become more than 10000 bytes"):
        read(tmp_path, archive(zeros))
    monkeypatch.setattr(inspect_archive, "MOST_MEMBERS", 1)
    with pytest.raises(StartupError, match="has more than 1 members"):
        read(tmp_path, archive(zeros))
    monkeypatch.setattr(inspect_archive, "LONGEST_DIRECTORY", 10)
    with pytest.raises(StartupError, match="its table of contents has more than 10 bytes"):
        read(tmp_path, archive(zeros))


def test_a_member_longer_than_it_claims_is_damaged(tmp_path: Path) -> None:
    """It is read no further than its claim."""
    content = bytearray(by_zstandard(log_of(SAMPLES[0])))
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 10)

    with pytest.raises(StartupError, match="is damaged"):
        read(tmp_path, bytes(content))


def test_hostile_names_of_members_lead_nowhere(tmp_path: Path) -> None:
    """Nothing is written; only samples are read."""
    members = {"../../evil.json": SAMPLES[0], "/samples/x.json": SAMPLES[0], **log_of(SAMPLES[1])}

    rows = read(tmp_path / ".", archive(members))

    assert [row["samples"] for _, row in rows] == [[SAMPLES[1]]]
    assert [path.name for path in tmp_path.iterdir()] == ["log.eval"]
