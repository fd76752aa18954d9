"""A service without root, and candidates whose code tries to end it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.processes import ROOT, Server, free_port, service, started, write_config
from tests.support.servers.sandbox_users import NOBODY, SYSTEM_PYTHON, container

PYTHONPATH = os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])
NOBODY_RUNS = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
KILL = """
import fcntl, os, socket
a, b = socket.socketpair()
for pid in (os.getppid(), PID, -PID):
    for attempt in (
        lambda: fcntl.fcntl(a, fcntl.F_SETOWN, pid),
        lambda: fcntl.fcntl(a, 10, 9),
        lambda: fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK),
        lambda: b.send(b"x"),
        lambda: os.kill(pid, 9),
    ):
        try:
            attempt()
        except Exception:
            pass
"""


@contextlib.contextmanager
def without_root(folder: Path, config: Path, before: list[str]) -> Iterator[Server]:
    """Run a service as a user without rights, or as this user where root is missing."""
    port = free_port()
    command = [*before, str(SYSTEM_PYTHON), "-m", "assay.service", "serve", "--port", str(port)]
    command += ["--data-dir", str(folder / "data"), "--config", str(config)]
    environment = {
        "PYTHONPATH": PYTHONPATH,
        "ASSAY_DOCTOR": "off",
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    # The system's Python may be older than the one that the libraries were installed for, by a fix
    # of the same version.
    (folder / "async_timeout.py").write_text("from asyncio import timeout\n")
    environment["PYTHONPATH"] += os.pathsep + str(folder)
    with started(command, port, folder, environment) as server:
        yield server


@pytest.fixture(params=["a user", "a container"])
def assay(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A service that has no rights, and whose candidates' code has the same user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chmod(folder, 0o777)  # noqa: S103 - the other user's data go in here
        config = write_config(
            folder / "e.yaml",
            {"verifiers": [{"name": "tests", "kind": "python_tests", "run_code": True}]},
        )
        if os.geteuid() != 0:
            if request.param == "a container":
                # without root there is no other user to become
                pytest.skip("the other user is this one")
            with service(config, folder) as running:
                yield running
            return
        nobody_sees = [
            *NOBODY_RUNS,
            str(SYSTEM_PYTHON),
            "-c",
            "import sys, service; print(*sys.version_info[:2])",
        ]
        seen = subprocess.run(
            nobody_sees, env={"PYTHONPATH": PYTHONPATH}, capture_output=True, check=False, cwd="/"
        ).stdout
        if seen.decode().split() != [str(part) for part in sys.version_info[:2]]:
            # the tests' own virtual environment may lie where nobody else may look
            pytest.skip("a user without rights cannot read this folder, or has another Python")
        inner = [str(SYSTEM_PYTHON), *container()] if request.param == "a container" else []
        with without_root(folder, config, [*NOBODY_RUNS, *inner]) as running:
            yield running


def test_a_candidate_that_kills_the_service_ends_neither_it_nor_another_candidate(
    assay: Server,
) -> None:
    """With signals that the kernel sends for a descriptor's owner, and signals to everybody."""
    right, wrong = "def f(x):\n    return x + 1", "def f(x):\n    return 2"
    hostile = KILL.replace("PID", str(assay.process.pid)) + wrong
    body = {
        "query": "Write f.",
        "candidates": [hostile, right, hostile, wrong],
        "tests": ["assert f(1) == 2", "assert f(2) == 3"],
        "explain": True,
    }

    for _ in range(2):
        results = sorted(
            assay.post("/v1/rank", body).json["results"], key=lambda result: result["index"]
        )
        assert [result["verifiers"]["tests"]["raw"] for result in results] == [0.5, 1.0, 0.5, 0.5]

    assert assay.process.poll() is None
    assert assay.get("/healthz").status == 200
