"""Candidates' code may compute; any other attempt ends with it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.verifiers import MissingExtraError, Pair, Query
from assay.verifiers.safety.sandbox import (
    MAX_REPORT,
    SEALED,
    Ran,
    read_report,
    run_sandboxed,
    supported,
)
from tests.support.verifiers.kinds import made
from tests.support.waiting import until

try:
    supported()
except MissingExtraError as missing:
    # another system than Linux: the verifier says the same
    pytest.skip(str(missing), allow_module_level=True)


LEFT = ("ok", ["ok"])


async def ran(code: str, *tests: str, time_limit_s: float = 5.0, memory_mb: int = 512) -> Ran:
    """Run code and tests, and see that no process of the sandbox is left."""
    result = await run_sandboxed(
        code, tests or ("assert True",), time_limit_s=time_limit_s, memory_mb=memory_mb
    )
    await nothing_is_left()
    return result


def running(words: bytes) -> list[int]:
    """Return the processes whose command line has these words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ended = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            if words in (folder / "cmdline").read_bytes() and not ended:
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def sandboxed() -> list[int]:
    """Return the processes that run the sandbox's script."""
    return running(b"sealed.main")


async def nothing_is_left() -> None:
    """Wait until all that run the sandbox's script now have ended.

    Those of tests beside this one end as well; a process that nobody kills does not.
    """
    left = set(sandboxed())
    await until(lambda: not left & set(sandboxed()))


async def test_code_is_run_and_each_test_has_its_own_outcome() -> None:
    """A failed test does not stop the next; the standard library works."""
    result = await ran(
        "import collections, decimal, math, asyncio\ndef add(a, b):\n    return a + b",
        "assert add(1, 2) == 3",
        "assert add(1, 2) == 4",
        "add(1)",
        "assert math.pi > 3",
        "import numpy",
    )

    assert result == Ran("ok", ["ok", "AssertionError", "TypeError", "ok", "ModuleNotFoundError"])


async def test_threads_and_event_loops_work() -> None:
    """Solutions use them."""
    code = "import asyncio, threading\ndone = []\nthread = threading.Thread(target=done.append, args=(1,))\nthread.start()\nthread.join()\n"
    code += (
        "async def main():\n    await asyncio.sleep(0.01)\n    done.append(2)\nasyncio.run(main())"
    )

    assert (await ran(code, "assert done == [1, 2]")) == Ran("ok", ["ok"])


async def test_sixty_four_sleeping_children_cannot_even_begin() -> None:
    """No process is made: not by fork, a shell, a pool or a new session."""
    fork = "import os, time\nfor _ in range(64):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(1000)"
    shell = "import os\nassert os.system('sleep 1000 &') == -1 or os.system('sleep 1000 &') != 0"
    pool = "import subprocess\n[subprocess.Popen(['sleep', '1000']) for _ in range(64)]"
    spawn = "import os\nos.posix_spawn('/bin/sleep', ['sleep', '1000'], {})"

    for code in (fork, pool, spawn):
        assert (await ran(code)).code == "PermissionError"
    await ran(shell)
    assert running(b"sleep\x001000") == []


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    pass",
        "import time\ntime.sleep(1000)",
        "x = 10 ** 10 ** 8",
        "import signal\nwhile True:\n    try:\n        signal.pause()\n    except BaseException:\n        pass",
    ],
)
async def test_an_endless_loop_is_killed(code: str) -> None:
    """In time, and its earlier reports count."""
    started = time.monotonic()

    result = await ran(code, time_limit_s=1.0)

    assert result.code != "ok"
    assert time.monotonic() - started < 30


async def test_tests_that_were_passed_before_a_hang_count() -> None:
    """The rest have no outcome."""
    assert await ran(
        "x = 1", "assert x == 1", "while True: pass", "assert x", time_limit_s=1.5
    ) == Ran("ok", ["ok", None, None], "time")


async def test_a_hundred_megabytes_of_output_go_nowhere() -> None:
    """The sandbox drops its output; a write into the report's pipe ends the process."""
    printed = await ran(
        "import os, sys\nfor _ in range(100):\n    sys.stdout.write('y' * 1_000_000)\n    os.write(2, b'z' * 1_000_000)"
    )
    flood = "for fd in range(64):\n    try:\n        os.write(fd, b'z' * 100_000_000)\n    except OSError:\n        pass"
    written = await ran(f"import os\n{flood}", time_limit_s=20)

    assert (printed.code, printed.tests) == LEFT
    assert (written.code, written.tests) == (None, [None])
    assert MAX_REPORT <= 1 << 20


async def test_ten_gigabytes_cannot_be_reserved() -> None:
    """By Python or straight from the kernel."""
    assert (await ran("x = bytearray(10 << 30)")).code == "MemoryError"
    assert (await ran("import mmap\nmmap.mmap(-1, 10 << 30)")).code in ("OSError", "MemoryError")
    assert (
        await ran("import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))")
    ).code in (
        "ValueError",
        "OSError",
        "PermissionError",
    )


async def test_nothing_connects_not_even_to_this_machine() -> None:
    """A listener of our own on loopback hears nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]

        tcp = await ran(
            f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2)"
        )
        udp = await ran(
            f"import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))"
        )
        local = await ran("import socket\nsocket.socket(socket.AF_UNIX).connect('/run/x')")

        with pytest.raises(TimeoutError):
            listener.accept()
    assert (tcp.code, udp.code, local.code) == ("PermissionError",) * 3


@pytest.mark.parametrize("statement", [
    "open({path!r}, 'w')", "open({path!r}, 'a')", "open({path!r}, 'r+')", "os.unlink({path!r})", "os.rename({path!r}, {path!r} + 'x')",
    "os.mkdir({path!r} + 'd')", "os.chmod({path!r}, 0o777)", "os.symlink('/etc/passwd', {path!r} + 'l')", "os.truncate({path!r}, 0)",
    "os.open({path!r}, os.O_RDONLY | os.O_CREAT)", "os.utime({path!r})", "os.link({path!r}, {path!r} + 'h')", "os.mkfifo({path!r} + 'f')",
    "open('/dev/shm/assay-sandbox', 'w')",
])  # fmt: skip
async def test_no_file_is_written_made_moved_or_removed(statement: str, tmp_path: Path) -> None:
    """For any owner and any place."""
    path = tmp_path / "file"
    path.write_text("kept")
    os.chmod(path, 0o666)  # noqa: S103 - everybody could
    os.chmod(tmp_path, 0o777)  # noqa: S103 - as above
    before = path.stat()

    result = await ran("import os\n" + statement.format(path=str(path)))

    assert result.code in ("PermissionError", "OSError")
    assert path.read_text() == "kept"
    assert os.listdir(tmp_path) == ["file"]
    assert path.stat().st_mtime == before.st_mtime
    assert path.stat().st_mode == before.st_mode


async def test_others_are_neither_signalled_nor_looked_into() -> None:
    """The service has the same user, where it does not run as root."""
    for statement in (
        "os.kill(os.getppid(), 9)",
        "os.killpg(os.getpgid(os.getppid()), 9)",
        "os.kill(-1, 9)",
        "open(f'/proc/{os.getppid()}/environ').read()",
    ):
        # In a pid namespace of its own the code's parent is nobody.
        assert (await ran(f"import os\n{statement}")).code in (
            "PermissionError",
            "FileNotFoundError",
        ), statement


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "raise SystemExit(0)",
        "import os\nos.write(3, b'x 0 ok\\n' * 9)\nos._exit(0)",
        "import sys\nsys.exit()",
        "import os\nos.abort()",
    ],
)
async def test_leaving_early_passes_no_test(code: str) -> None:
    """An exit is not a pass, and a report without the secret does not count."""
    result = await ran(code)

    assert result.code != "ok"
    assert result.tests == [None]


def test_a_report_that_is_garbled_holds_what_can_be_read() -> None:
    """The first line of a test counts; a line without an end or with strange digits does not."""
    report = "-1 ok\nx 0 ok\n0 AssertionError\n0 ok\ngarbage\n\n-\n² ok\n٣ ok\n1 ok beside\nnine ok\n9999999999999 ok\n2 o".encode()

    assert read_report(b"\xff\xfe\n" + report, 3, None) == Ran(
        "ok", ["AssertionError", "ok", None], None, frozenset({1})
    )


async def test_names_of_exceptions_carry_nothing_out() -> None:
    """The code could name its own exception after a secret."""
    assert (await ran("raise type('secret', (Exception,), {})")).code == "Error"


async def test_many_at_once_leave_nothing_behind() -> None:
    """Candidates are run side by side."""
    verifier = made("python_tests", time_limit_s=20)
    pairs = [
        Pair(Query.of("?", None, ("assert x == 1",)), f"x = {place % 2}") for place in range(12)
    ]

    verdicts = (await verifier.score(pairs)).items

    assert [verdict.score for verdict in verdicts] == [0.0, 1.0] * 6
    await nothing_is_left()


async def test_a_cancelled_run_is_killed() -> None:
    """A request that goes away takes its processes along."""
    running = asyncio.create_task(
        run_sandboxed("while True: pass", ("assert True",), time_limit_s=60, memory_mb=256)
    )
    await until(sandboxed)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await nothing_is_left()


def test_the_sealed_processes_need_the_standard_library_alone() -> None:
    """They are run by path, where nothing of ours can be imported."""
    code = "import sys; sys.path.append(sys.argv[1]); import sealed.main; print(*(m for m in sys.modules if m.startswith('verifiers')))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, SEALED.parent], check=False, capture_output=True
    )

    assert (done.returncode, done.stdout.strip()) == (0, b"")


def children() -> set[int]:
    """Return the pids of this process's children, those among them that ended and wait to be
    buried.
    """
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == os.getpid():
                found.add(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize(
    ("code", "limit"),
    [("x = 1", 10.0), ("import os\nos._exit(1)", 10.0), ("while True: pass", 1.0)],
)
async def test_no_process_is_left_for_the_service_to_bury(code: str, limit: float) -> None:
    """In a container it may be the first process, which inherits every orphan."""
    subreaper, libc = 36, ctypes.CDLL(None)
    before = children()
    assert libc.prctl(subreaper, 1, 0, 0, 0) == 0
    try:
        await run_sandboxed(code, ("assert True",), time_limit_s=limit, memory_mb=256)
        left = children() - before
    finally:
        libc.prctl(subreaper, 0, 0, 0, 0)

    assert left == set()
