"""The GPUs of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.domain.errors import StartupError
from assay.service.planning.gpus import Gpu, parse_gpus


@pytest.mark.parametrize(
    "spec",
    ["", "8", "A100", "0xA100-80G", "8xA100", "8xA100-80", "A100-0G", "1xA100-80G,", "auto!"],
)
def test_gpus_that_are_none_are_refused(spec: str) -> None:
    """With the form that is expected."""
    with pytest.raises(StartupError, match="COUNTxNAME-SIZEG"):
        parse_gpus(spec)


def test_gpus_have_any_name() -> None:
    """A count or none, a fraction of a GiB, several kinds."""
    gpus = parse_gpus("2xRTX 6000 Ada-48G,MI300X-191.5GB")

    assert gpus == [Gpu(0, "RTX 6000 Ada", 48), Gpu(1, "RTX 6000 Ada", 48), Gpu(2, "MI300X", 191.5)]


def program(folder: Path, code: int, *lines: str) -> Path:
    """Write a stand-in for nvidia-smi."""
    path = folder / "nvidia-smi"
    path.write_text("\n".join(["#!/bin/sh", *(f"echo '{line}'" for line in lines), f"exit {code}"]))
    path.chmod(0o755)
    return folder


def test_the_driver_is_asked_where_no_gpu_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its MiB are GiB here, and its numbers stay."""
    listed = ("0, NVIDIA H100 80GB HBM3, 81920", "3, NVIDIA L4, 23552", "a warning")
    monkeypatch.setenv("PATH", str(program(tmp_path, 0, *listed)))

    assert parse_gpus("auto") == [Gpu(0, "NVIDIA H100 80GB HBM3", 80.0), Gpu(3, "NVIDIA L4", 23.0)]


@pytest.mark.parametrize(("code", "line"), [(9, "no driver"), (0, "No devices were found")])
def test_a_driver_without_a_gpu_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, line: str
) -> None:
    """Whether it fails or has nothing to list."""
    monkeypatch.setenv("PATH", str(program(tmp_path, code, line)))

    with pytest.raises(StartupError, match=f"nvidia-smi found no GPU: {line}"):
        parse_gpus("auto")


def test_without_a_driver_the_gpus_have_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the form."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StartupError, match=r"this machine has no nvidia-smi; .*COUNTxNAME-SIZEG"):
        parse_gpus("auto")
