"""Attacks of code on the machine, as root's child, as a user's, and in a strict container."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.verifiers import MissingExtraError
from assay.verifiers.safety.sandbox import Ran, run_sandboxed, supported
from assay.verifiers.safety.sealed import walls
from assay.verifiers.safety.system_calls import F_SETFL, FCNTL_COMMANDS, MACHINES
from tests.support.servers.sandbox_users import NOBODY, SYSTEM_PYTHON, commands, readable_by_all
from tests.support.waiting import until

try:
    supported()
except MissingExtraError as missing:
    # another system than Linux: the verifier says the same
    pytest.skip(str(missing), allow_module_level=True)


if os.geteuid() == 0 and not SYSTEM_PYTHON.exists():
    # root's attacks run as another user, who cannot read root's own Python
    pytest.skip("needs a Python that every user can read", allow_module_level=True)


WHO = ["root", "a user", "a container"] if os.geteuid() == 0 else ["a user", "a container"]


SYSCALL = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\ndef call(*a):\n    ctypes.set_errno(0)\n    return libc.syscall(*map(ctypes.c_long, a)), ctypes.get_errno()\n"


#: fcntl's commands that reach beyond the process or hold kernel memory (asm-generic/fcntl.h,
#: linux/fcntl.h).
DANGEROUS = {
    "F_GETLK": 5, "F_SETLK": 6, "F_SETLKW": 7, "F_SETOWN": 8, "F_GETOWN": 9, "F_SETSIG": 10, "F_GETSIG": 11, "F_SETOWN_EX": 15,
    "F_GETOWN_EX": 16, "F_OFD_GETLK": 36, "F_OFD_SETLK": 37, "F_OFD_SETLKW": 38, "F_SETLEASE": 1024, "F_GETLEASE": 1025,
    "F_NOTIFY": 1026, "F_CANCELLK": 1029, "F_SETPIPE_SZ": 1031, "F_GETPIPE_SZ": 1032, "F_ADD_SEALS": 1033, "F_SET_RW_HINT": 1036,
    "F_SET_FILE_RW_HINT": 1038,
}  # fmt: skip


@pytest.fixture(scope="module")
def starts() -> Iterator[dict[str, list[str]]]:
    """Yield the ways to start the sealed processes, by the service's user."""
    with readable_by_all() as folder:
        yield commands(folder)


@pytest.fixture(params=WHO)
def start(request: pytest.FixtureRequest, starts: dict[str, list[str]]) -> list[str]:
    """Return how they are started by one of them."""
    return starts[request.param]


async def ran(
    start: list[str], code: str, *tests: str, time_limit_s: float = 20.0, memory_mb: int = 512
) -> Ran:
    """Run code and tests."""
    return await run_sandboxed(
        code, tests, time_limit_s=time_limit_s, memory_mb=memory_mb, python=start
    )


@contextlib.contextmanager
def victim() -> Iterator[int]:
    """Yield the pid of a process of the user that a service without root has."""
    user = NOBODY if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "1000"], user=user) as process:
        try:
            yield process.pid
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_no_signal_is_sent_by_the_owner_of_a_descriptor(
    start: list[str], signal_number: int
) -> None:
    """The kernel sends it for a descriptor's owner; that killed the service once."""
    with victim() as pid:
        code = "\n".join(
            [
                "import socket, fcntl, os",
                "refused = []",
                f"for pid in (os.getppid(), {os.getpid()}, {pid}, -{pid}):",
                "    a, b = socket.socketpair()",
                f"    for command, argument in ((8, pid), (10, {int(signal_number)}), (4, os.O_ASYNC | os.O_NONBLOCK), (15, b'\\0' * 4 + pid.to_bytes(4, 'little', signed=True))):",
                "        try:",
                "            fcntl.fcntl(a, command, argument)",
                "        except PermissionError:",
                "            refused.append(command)",
                "    b.send(b'x')",
            ]
        )

        result = await ran(start, code, "assert sorted(refused) == sorted([8, 10, 4, 15] * 4)")

    assert result.tests == ["ok"], result


async def test_the_commands_of_fcntl_are_those_of_computing(start: list[str]) -> None:
    """Raw, so that no library chooses for us; with a number's upper half set too, which the
    kernel does not look at.
    """
    code = SYSCALL + f"number = {MACHINES[platform.machine()].examined['fcntl']}\n"
    code += f"allowed = {{*{FCNTL_COMMANDS}, {F_SETFL}}}\n"
    code += "passed = [c for c in range(1100) for high in (0, 1 << 32) if call(number, 2, c | high, 0)[1] != 1]\n"
    code += "flags = [bit for bit in range(32) if call(number, 2, 4, 1 << bit)[1] != 1]"

    result = await ran(
        start,
        code,
        f"assert not set(passed) & {set(DANGEROUS.values())}",
        "assert set(passed) <= allowed",
        "assert set(flags) <= {0, 1, 10, 11, 15, 17}",
    )

    assert result.tests == ["ok"] * 3, result


async def test_every_other_system_call_is_refused(start: list[str]) -> None:
    """All numbers, also of the x32 ABI: unlisted calls fail."""
    machine = MACHINES[platform.machine()]
    kernels_own = (
        {335, 336} if platform.machine() == "x86_64" else set()
    )  # uretprobe and uprobe: no filter sees them, SIGILL for us
    named = {*machine.free.values(), *machine.examined.values(), *kernels_own}
    code = SYSCALL + f"named = {named}\n"
    code += "passed = [n for n in range(600) if n not in named and call(n, 0, 0, 0, 0, 0, 0)[1] not in (1, 38)]\n"
    code += "passed += [n for n in range(600) if call(n | 0x40000000, 0, 0, 0, 0, 0, 0)[1] not in (1, 38)]"

    result = await ran(start, code, "assert passed == []")

    assert result.tests == ["ok"], result


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the other ABI of this machine")
async def test_the_32_bit_abi_ends_the_process(start: list[str]) -> None:
    """Its numbers mean other calls: 20 is getpid there, and writev here."""
    code = "import ctypes, mmap\n"
    code += "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
    code += "page.write(bytes.fromhex('b814000000cd80c3'))\n"
    code += "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"

    assert await ran(start, code, "assert True") == Ran(None, [None])


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_SEQPACKET", "SOCK_RAW", "SOCK_RDM"])
async def test_there_are_connected_streams_and_no_other_sockets(
    start: list[str], kind: str
) -> None:
    """A datagram of a pair can go anywhere."""
    assert (
        await ran(start, f"import socket\nsocket.socketpair(socket.AF_UNIX, socket.{kind})")
    ).code == "PermissionError"
    assert (
        await ran(start, f"import socket\nsocket.socket(socket.AF_UNIX, socket.{kind})")
    ).code == "PermissionError"


async def test_no_datagram_reaches_a_listener(start: list[str]) -> None:
    """By path or by an abstract name; with sendto, sendmsg and raw calls."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o777)  # noqa: S103 - everybody could
        listeners = [
            stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) for _ in range(2)
        ]
        names = [f"{folder}/listener", f"\0assay-{os.getpid()}"]
        for listener, name in zip(listeners, names, strict=True):
            listener.bind(name)
            listener.settimeout(0.1)
        os.chmod(names[0], 0o777)  # noqa: S103 - as above
        code = SYSCALL + "import socket\nrefused = 0\na, b = socket.socketpair()\n"
        code += f"for name in {names!r}:\n    for attempt in (lambda: a.sendto(b'x', name), lambda: a.sendmsg([b'x'], [], 0, name), lambda: a.connect(name)):\n"
        code += "        try:\n            attempt()\n        except PermissionError:\n            refused += 1\n"
        number = MACHINES[platform.machine()].examined["sendto"]
        code += f"raw = [call({number}, a.fileno(), ctypes.addressof(ctypes.create_string_buffer(b'x')), 1, 0, address, 2)[1] for address in (1, 1 << 32, 1 << 63)]"

        result = await ran(start, code, "assert refused == 6", "assert raw == [1, 1, 1]")

        for listener in listeners:
            with pytest.raises(TimeoutError):
                listener.recv(1)
    assert result.tests == ["ok", "ok"], result


async def test_threads_are_bounded(start: list[str]) -> None:
    """Twelve thousand made by raw calls that share one stack, in 64 MB, were twelve thousand."""
    code = "import threading, time\nmade = 0\nthreading.stack_size(65536)\ntry:\n    for _ in range(1000):\n        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n        made += 1\nexcept RuntimeError:\n    pass"

    result = await ran(
        start,
        code,
        f"assert {walls.MAX_THREADS} // 2 < made <= 2 * {walls.MAX_THREADS}",
        "import os\nos._exit(0)",
    )

    assert result.tests[0] == "ok", result


async def test_threads_that_end_make_room(start: list[str]) -> None:
    """The bound is on those at once."""
    code = "import threading\ndone = []\nfor place in range(300):\n    thread = threading.Thread(target=done.append, args=(place,))\n    thread.start()\n    thread.join()"

    assert (await ran(start, code, "assert done == list(range(300))")).tests == ["ok"]


@pytest.mark.parametrize(
    "flags",
    [0x11, 0x4111, 0x100, 0x3D0F00 | 0x10000000, 0x3D0F00 | 0x40000000, 0x3D0F00 | 0x2000, 0x10F00],
)
async def test_nothing_but_plain_threads_is_made(start: list[str], flags: int) -> None:
    """No process, no namespace, none that is kept from a tracer; clone3 is not there at all."""
    numbers = MACHINES[platform.machine()]
    code = (
        SYSCALL
        + f"errors = [call({numbers.examined['clone']}, {flags}, 0, 0, 0, 0)[1], call({numbers.clone3}, 0, 0)[1]]"
    )

    assert (await ran(start, code, "assert errors == [1, 38]")).tests == ["ok"]


@pytest.mark.parametrize(
    "request_code", ["0x5452", "0x8901", "0x8902", "0x5412", "0x5402", "0x541B", "0x8946"]
)
async def test_ioctl_sets_no_owner_and_types_nothing(start: list[str], request_code: str) -> None:
    """FIOASYNC, FIOSETOWN, SIOCSPGRP, TIOCSTI and the like."""
    code = f"import fcntl, socket\na, b = socket.socketpair()\nfcntl.ioctl(a, {request_code}, b'\\1\\0\\0\\0')"

    assert (await ran(start, code)).code == "PermissionError"


async def test_where_nobody_can_watch_over_threads_there_are_none(
    starts: dict[str, list[str]],
) -> None:
    """Their user's processes are also the service's there, so that no limit of it would be one
    of the code.
    """
    code = "import threading\nthreading.Thread(target=print).start()"

    refused = await ran(starts["a container without listeners"], code)
    single = await ran(starts["a container without listeners"], "x = 1", "assert x == 1")

    assert (refused.code, single.tests) == ("RuntimeError", ["ok"])
    assert "threads" not in single.walls


async def test_an_older_kernel_refuses_everything_but_reading(starts: dict[str, list[str]]) -> None:
    """The filter does not need Landlock, and the run states that it was not there."""
    code = "import fcntl, os\ndef write():\n    open('/tmp/x', 'w')\ndef own():\n    fcntl.fcntl(0, 8, os.getppid())\ndef read():\n    open('/etc/passwd').close()"

    result = await ran(
        starts["an old kernel"],
        code,
        "write()",
        "own()",
        "os = __import__('os')\nos.fork()",
        "read()",
    )

    assert result.tests == ["PermissionError", "PermissionError", "PermissionError", "ok"]
    assert result.walls == ("threads",)


async def test_what_holds_the_code_is_stated(starts: dict[str, list[str]]) -> None:
    """`assay doctor` warns of missing protections."""
    landlock = [f"landlock={walls.landlock_version()}"] if walls.landlock_version() else []
    expected = {
        "root": ["user", "namespaces", "threads"],
        "a user": ["namespaces", "threads"],
        "a container": ["threads"],
    }

    for who in WHO:
        assert (await ran(starts[who], "x = 1")).walls == (*landlock, *expected[who])


async def test_others_are_neither_signalled_nor_limited(start: list[str]) -> None:
    """By any call that takes a pid."""
    with victim() as pid:
        code = f"import os, resource\nrefused = 0\nfor pid in ({pid}, {os.getpid()}, os.getppid() or 1, -1):\n"
        code += "    for attempt in (lambda: os.kill(pid, 9), lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0)), lambda: os.pidfd_open(pid), lambda: os.setpriority(0, pid, 19), lambda: os.sched_setaffinity(pid, {0}), lambda: os.getpgid(pid)):\n"
        code += "        try:\n            attempt()\n        except (PermissionError, ProcessLookupError):\n            refused += 1\n"

        result = await ran(start, code, "assert refused == 24")

    assert result.tests == ["ok"], result


async def test_nothing_of_others_is_read(start: list[str]) -> None:
    """The service's memory and environment, and those of the process that has the tests."""
    with victim() as pid:
        code = f"import os\nread = []\nfor pid in ({pid}, {os.getpid()}, os.getppid(), *range(max(1, os.getpid() - 3), os.getpid())):\n"
        code += "    for name in ('environ', 'mem', 'maps', 'fd/0', 'cmdline'):\n        try:\n            with open(f'/proc/{pid}/{name}', 'rb') as file:\n                file.read(1)\n            read.append((pid, name))\n        except OSError:\n            pass\n"
        code += "for path in ('/etc/passwd', '/proc/self/environ', '/proc/self/mem', '/proc/cpuinfo'):\n    try:\n        open(path).close()\n        read.append(path)\n    except OSError:\n        pass"

        result = await ran(start, code, "assert read == []")

    assert result.tests == ["ok"] if walls.landlock_version() else ["AssertionError"], result


async def test_what_the_kernel_keeps_for_a_process_is_bounded(start: list[str]) -> None:
    """Descriptors, signals that wait, locked memory and messages."""
    code = "import resource, signal, os\nlimits = [resource.getrlimit(getattr(resource, 'RLIMIT_' + name))[1] for name in ('NOFILE', 'SIGPENDING', 'MSGQUEUE', 'MEMLOCK', 'CORE', 'FSIZE')]\n"
    code += "opened = []\ntry:\n    while True:\n        opened.append(os.dup(1))\nexcept OSError:\n    pass\nfor fd in opened:\n    os.close(fd)\n"

    result = await ran(
        start, code, "assert limits == [64, 64, 0, 0, 0, 0]", "assert len(opened) < 64"
    )

    assert result.tests == ["ok", "ok"], result


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has uids to give")
async def test_each_candidate_of_root_has_a_user_of_its_own(starts: dict[str, list[str]]) -> None:
    """With a group of its own; no such user comes back to root."""
    code = "import os\nusers = {os.getuid(), os.geteuid(), os.getgid(), os.getegid()}"
    tests = [
        "assert len(users) == 1 and min(users) >= 61184 and 65534 not in users",
        "users.pop() % 2 or 1 / 0",
        "os.setuid(0)",
    ]

    first, second = await asyncio.gather(*(ran(starts["root"], code, *tests) for _ in range(2)))

    assert first.tests == second.tests == ["ok", "ok", "PermissionError"]


async def test_one_candidate_never_changes_another(start: list[str]) -> None:
    """While a neighbour takes all threads, memory and time, and tries to end every process."""
    hostile = "import threading, time, os\nfor _ in range(1000):\n    try:\n        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n        os.kill(-1, 9)\n    except Exception:\n        pass\nx = []\nwhile True:\n    try:\n        x.append(bytearray(1 << 20))\n    except MemoryError:\n        pass"
    honest = "import threading\ndone = []\ndef work():\n    threads = [threading.Thread(target=done.append, args=(place,)) for place in range(8)]\n    for thread in threads:\n        thread.start()\n    for thread in threads:\n        thread.join()"

    *bad, good = await asyncio.gather(
        *(ran(start, hostile, "assert True", time_limit_s=4) for _ in range(2)),
        ran(
            start,
            honest,
            *["work()"] * 5,
            "assert sorted(done) == sorted([*range(8)] * 5)",
            time_limit_s=60,
        ),
    )

    assert good == Ran("ok", ["ok"] * 6)
    assert [each.killed for each in bad] == ["time", "time"]


async def test_nothing_is_left_when_a_run_ends(start: list[str]) -> None:
    """The processes are gone with the service's child, however they ended."""
    before = set(os.listdir("/proc"))
    for code in (
        "import os\nos._exit(3)",
        "import os\nos.abort()",
        "x = 1",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()",
    ):
        await ran(start, code, "assert x == 1", time_limit_s=5)

    await until(
        lambda: (
            not any(pid.isdigit() and sandboxed(pid) for pid in set(os.listdir("/proc")) - before)
        )
    )


def sandboxed(pid: str) -> bool:
    """Return whether a process is one of the sandbox's."""
    try:
        return b"sealed.main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
