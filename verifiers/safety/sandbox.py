"""Runs hostile Python: sealed processes, a kill timer, and a bound on their report."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import platform
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from errno import EAGAIN
from pathlib import Path

from assay.verifiers.contract.errors import MissingExtraError, VerifierError
from assay.verifiers.safety.seccomp import ERRNO, NOTIFY, filter_program, on_threads
from assay.verifiers.safety.system_calls import MACHINES

SEALED = Path(__file__).with_name("sealed")
OUTCOME_PLACE = re.compile(r"-?[0-9]{1,9}")
MAX_REPORT = 1 << 20
SANDBOX_START_S = 10.0  # to start Python, on a busy machine; the code's own time begins after that
MAIN = "import sys; sys.path.append(sys.argv[1]); from sealed.main import main; main()"
SANDBOX_END_S = 5.0  # for the kernel to end a process of gigabytes
PYTHON = (sys.executable, "-I", "-S", "-c", MAIN, str(SEALED.parent))


@dataclass(frozen=True, slots=True)
class Ran:
    """The ends of the code's own statements and of each test.

    Each is `ok`, the name of an exception, or `None` if it was not reached. `beside` are the
    places of the tests that had to run in the code's own process, which can fool them; `walls`
    names the protections beside the system-call filter.
    """

    code: str | None
    tests: list[str | None]
    killed: str | None = None
    beside: frozenset[int] = frozenset()
    walls: tuple[str, ...] = field(default=(), compare=False)


def supported() -> None:
    """Return where code can be sealed.

    Raises `MissingExtraError` elsewhere: nothing is run unsealed.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise MissingExtraError(
            f"running code needs Linux on {' or '.join(MACHINES)}; leave this verifier out"
        )


async def run_sandboxed(
    code: str,
    tests: Sequence[str],
    *,
    time_limit_s: float,
    memory_mb: int,
    python: Sequence[str] = PYTHON,
) -> Ran:
    """Run code and then tests, within the limits.

    Raises `VerifierError` if the sandbox itself fails.
    """
    supported()
    walls = {
        "service": os.getpid(),
        "memory_bytes": memory_mb << 20,
        "seconds": int(time_limit_s) + 1,
        **filters(),
    }
    process = await asyncio.create_subprocess_exec(
        *python,
        json.dumps(walls),
        cwd="/",
        env={"LC_ALL": "C.UTF-8"},
        start_new_session=True,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    job = json.dumps({"code": code, "tests": list(tests)}).encode()
    try:
        async with asyncio.timeout(SANDBOX_START_S + time_limit_s):
            report, errors, killed = await _report(process, job, time_limit_s)
    except TimeoutError:
        report, errors, killed = b"", b"", "time"
    finally:
        await _end(process)
    ran = read_report(report, len(tests), killed)
    if ran.code is None and killed is None and errors.startswith(b"Traceback"):
        raise VerifierError(
            "the sandbox cannot be put up:"
            f" {errors.decode(errors='replace').strip().splitlines()[-1][:200]}"
        )
    return ran


@functools.cache
def filters() -> dict[str, object]:
    """Return the filters that the sealed processes hand to the kernel."""
    machine = platform.machine()
    return {
        "filter": filter_program(machine).hex(),
        "watch": on_threads(machine, NOTIFY).hex(),
        "no_threads": on_threads(machine, ERRNO | EAGAIN).hex(),
        "seccomp": MACHINES[machine].seccomp,
    }


async def _report(
    process: asyncio.subprocess.Process, job: bytes, time_limit_s: float
) -> tuple[bytes, bytes, str | None]:
    """Return the process's report and complaints, and the reason for its kill, if any."""
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
    _stop(process)
    errors = await process.stderr.read(4096)
    return report, errors, killed


def _stop(process: asyncio.subprocess.Process) -> None:
    """Have the process end its two children and itself: it runs no foreign code, and reaps them."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(
                process.pid, signal.SIGTERM
            )  # asyncio's own way would take the exit status from its watcher


async def _end(process: asyncio.subprocess.Process) -> None:
    """Return when the process and all that it started are gone.

    They could neither start another nor leave the group.
    """
    _stop(process)
    try:
        async with asyncio.timeout(SANDBOX_END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def read_report(report: bytes, count: int, killed: str | None) -> Ran:
    """Return the outcomes that a report states.

    It ignores an invalid line, and takes the first of two about one test. Raises
    `VerifierError` if the report says that sealing failed.
    """
    outcomes: dict[int, list[str]] = {}
    walls: tuple[str, ...] = ()
    for line in report.decode("utf-8", "replace").split("\n")[:-1]:  # what has no end is not whole
        number, _, outcome = line.partition(" ")
        if number == "#":
            walls = walls or tuple(outcome.split(" "))
        if number == "!":
            raise VerifierError(f"the sandbox cannot be put up: {outcome[:200]}")
        if OUTCOME_PLACE.fullmatch(number) and outcome:
            outcomes.setdefault(int(number), outcome.split(" "))
    code = outcomes.get(-1, [None])[0]
    tests = [outcomes.get(number, [None])[0] for number in range(count)]
    beside = frozenset(
        number for number in range(count) if outcomes.get(number, [])[1:] == ["beside"]
    )
    return Ran(code, tests, killed, beside, walls)
