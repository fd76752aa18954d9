"""The GPUs of a machine: as named (`8xA100-80G`), or as its driver says."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from assay.service.domain.errors import StartupError

SPEC = re.compile(
    r"(?:(?P<count>[1-9]\d{0,3})x)?(?P<name>[A-Za-z][\w.+ -]*?)-(?P<size>\d+(?:\.\d+)?)G(?:i?B)?",
    re.ASCII,
)
GPUS_FORM = (
    "COUNTxNAME-SIZEG, such as 1xH200-141G or 8xA100-80G; several kinds with a comma; or auto"
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: its number on the machine, its name, and its memory in GiB."""

    number: int
    name: str
    gib: float


def parse_gpus(spec: str) -> list[Gpu]:
    """Return the GPUs of a description.

    Raises `StartupError` for an invalid one.
    """
    if spec == "auto":
        return find_gpus()
    gpus: list[Gpu] = []
    for part in spec.split(","):
        match = SPEC.fullmatch(part.strip())
        if match is None or float(match["size"]) <= 0:
            raise StartupError(f"--gpus: {part.strip()!r} is not {GPUS_FORM}")
        first = len(gpus)
        gpus += [
            Gpu(first + place, match["name"], float(match["size"]))
            for place in range(int(match["count"] or 1))
        ]
    return gpus


def find_gpus() -> list[Gpu]:
    """Return the GPUs that nvidia-smi lists.

    Raises `StartupError` without any.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        raise StartupError(
            f"--gpus auto: this machine has no nvidia-smi; name the GPUs: {GPUS_FORM}"
        )
    query = ["--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]
    done = subprocess.run(  # noqa: S603 - a program of the system's, and words of ours
        [program, *query], capture_output=True, text=True, check=False, timeout=30
    )
    rows = [
        [cell.strip() for cell in line.split(",")]
        for line in done.stdout.splitlines()
        if line.count(",") == 2
    ]
    if done.returncode != 0 or not rows:
        raise StartupError(
            f"--gpus auto: nvidia-smi found no GPU: {(done.stderr or done.stdout).strip()[:200]}"
        )
    return [Gpu(int(index), name, int(mib) / 1024) for index, name, mib in rows]
