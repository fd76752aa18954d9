"""Running hostile Python: a sealed process, a kill timer, and a bound on what it may say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import MissingExtraError, VerifierError

CHILD = Path(__file__).with_name("sandbox_child.py")
MACHINES = ("x86_64", "aarch64")
MAX_REPORT = 1 << 20
START_S = 10.0  # to start Python, on a busy machine; the code's own time begins after that


@dataclass(frozen=True, slots=True)
class Ran:
    """How the code's own statements and each test ended: `ok`, the name of an exception, or `None` where it did not come to it."""

    code: str | None
    tests: list[str | None]
    killed: str | None = None


def supported() -> None:
    """Return where code can be sealed; raise `MissingExtraError` elsewhere: nothing is run unsealed."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise MissingExtraError(f"running code needs Linux on {' or '.join(MACHINES)}; leave this verifier out")


async def run(code: str, tests: Sequence[str], *, time_limit_s: float, memory_mb: int) -> Ran:
    """Run code and then tests, within the limits; raise `VerifierError` where the sandbox itself fails."""
    supported()
    secret = secrets.token_hex(16)
    job = {"code": code, "tests": list(tests), "memory_bytes": memory_mb << 20, "seconds": int(time_limit_s) + 1, "secret": secret}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-B", str(CHILD), cwd="/", env={"LC_ALL": "C.UTF-8"}, start_new_session=True,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_S + time_limit_s):
            report, errors, killed = await _report(process, json.dumps(job).encode(), time_limit_s)
    except TimeoutError:
        report, errors, killed = b"", b"", "time"
    finally:
        _kill(process)
        await process.wait()
    ran = read_report(report, secret, len(tests), killed)
    if ran.code is None and killed is None and process.returncode and errors.startswith(b"Traceback"):
        raise VerifierError(f"the sandbox cannot be put up: {errors.decode(errors='replace').strip().splitlines()[-1][:200]}")
    return ran


async def _report(process: asyncio.subprocess.Process, job: bytes, time_limit_s: float) -> tuple[bytes, bytes, str | None]:
    """Return what the process reported and complained of, and why it had to be killed, if so."""
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - they are pipes
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(job)
        await process.stdin.drain()
        process.stdin.close()
    report, killed = b"", None
    try:
        async with asyncio.timeout(time_limit_s):
            while chunk := await process.stdout.read(65_536):
                report += chunk
                if len(report) > MAX_REPORT:
                    killed = "output"
                    break
    except TimeoutError:
        killed = "time"
    _kill(process)
    errors = await process.stderr.read(4096)
    return report, errors, killed


def _kill(process: asyncio.subprocess.Process) -> None:
    """End the process with its group; it could not start another, nor leave the group."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def read_report(report: bytes, secret: str, count: int, killed: str | None) -> Ran:
    """Return the outcomes that a report states; lines without the secret were written by the code."""
    outcomes: dict[int, str] = {}
    for line in report.decode("utf-8", "replace").splitlines():
        said, _, rest = line.partition(" ")
        number, _, outcome = rest.partition(" ")
        if said == secret and number.removeprefix("-").isdigit():
            outcomes.setdefault(int(number), outcome)
    return Ran(outcomes.get(-1), [outcomes.get(number) for number in range(count)], killed)
