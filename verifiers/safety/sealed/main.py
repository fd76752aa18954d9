"""Starts the two processes of a run, watches over their threads, and runs no foreign code itself.

Argument: JSON {pid, memory_bytes, seconds, filter, watch, no_threads, seccomp}. Standard input:
JSON {code, tests}, read by the tests' process alone: the code's never holds them. Standard output:
the report, written by the tests' process alone.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import struct
import sys
from collections.abc import Callable
from errno import EAGAIN

from . import code_side, runner, walls, wire

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from typing import Any

NOTIFICATION, RECEIVE, SEND = 80, 0xC0502100, 0xC0182101
CONTINUE = 1


def main() -> None:
    """Run the code and the tests of one candidate, each in a sealed process of its own."""
    sys.dont_write_bytecode = True
    sys.path.remove(sys.argv[1])
    job = json.loads(sys.argv[2])
    job["pid"] = os.getpid()
    walls.die_with_parent()
    if os.getppid() != job["service"]:
        return  # it ended before it could take us along
    own_namespaces = walls.own_namespaces()
    own_count = own_namespaces or os.geteuid() == 0
    libraries = walls.keep_reading_libraries()
    listener = watched(job, own_count=own_count)
    os.write(
        1, f"# {' '.join(walls_here(own_namespaces=own_namespaces, listener=listener))}\n".encode()
    )
    tests_stream, code_stream = wire.streams()
    life, end = os.pipe()
    gc.freeze()  # so that the two share their pages
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGTERM}
    )  # until both processes exist and can be ended
    # The tests' process is first, so that in namespaces of its own all ends with it.
    tests = start({0, 1, *tests_stream, end, *libraries})
    if not tests:
        begin(
            job,
            own_count=own_count,
            side=0,
            failed=lambda reason: os.write(1, f"! {reason}\n".encode()),
        )
        runner.serve_tests(tests_stream, report=1, job=0)
        os._exit(0)
    code = start({*code_stream, *libraries})
    if not code:
        begin(
            job, own_count=own_count, side=1, failed=lambda reason: wire.send(code_stream, [reason])
        )
        code_side.serve_code(code_stream)
    try:
        silence({2, life, listener} if listener else {2, life})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        watch_over(listener, life)
    except SystemExit:
        pass  # our parent has its result
    finally:
        end_all(tests, code)
    os._exit(0)  # nothing is left that an interpreter would have to tidy up


def end_all(*processes: int) -> None:
    """Kill our children and wait for them.

    Our starter may be the first process of a container, which buries only its own children.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    for process in processes:
        os.kill(process, signal.SIGKILL)
    for _ in (
        processes
    ):  # whichever is first: the first of a pid namespace ends after all others of it are buried
        os.waitpid(-1, 0)


def walls_here(*, own_namespaces: bool, listener: int) -> list[str]:
    """Return which walls this machine offers beside the filter, for the doctor's report."""
    offered = {
        f"landlock={walls.landlock_version()}": walls.landlock_version(),
        "user": os.geteuid() == 0,
        "namespaces": own_namespaces,
        "threads": listener or own_namespaces or os.geteuid() == 0,
    }
    return [name for name, present in offered.items() if present]


def watched(job: dict[str, Any], *, own_count: bool) -> int:
    """Make new threads of our children wait for leave; return the listener, 0 if unavailable.

    Without it their user's limit holds them, if no other process of that user counts; or else
    there are no threads.
    """
    walls.no_new_privileges()
    try:
        return walls.install_filter(bytes.fromhex(job["watch"]), job["seccomp"], walls.NEW_LISTENER)
    except OSError:
        if not own_count:
            walls.install_filter(bytes.fromhex(job["no_threads"]), job["seccomp"])
        return 0


def start(keep: set[int]) -> int:
    """Return the pid of a new process, or 0 in it; it has these descriptors and no others."""
    process = os.fork()
    if not process:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        silence(keep)
    return process


def begin(
    job: dict[str, Any], *, own_count: bool, side: int, failed: Callable[[str], object]
) -> None:
    """Seal this process; end it where that fails, and say why: nothing is run unsealed."""
    try:
        walls.seal(job, side, own_count=own_count)
    except (OSError, ValueError) as error:
        failed(str(error))
        os._exit(1)


def silence(keep: set[int]) -> None:
    """Close all descriptors but these; those of the standard streams lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor not in {*keep, nowhere}:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the folder that lists them was one
    for descriptor in {0, 1, 2} - keep:
        os.dup2(nowhere, descriptor)


def watch_over(listener: int, life: int) -> None:
    """Answer each thread that wants to begin, until the tests' process ends."""
    poll = select.poll()
    for descriptor in (life, listener):
        if descriptor:
            poll.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == life:
                return
            answer(listener)


def answer(listener: int) -> None:
    """Let one thread begin, unless its process has as many as it may."""
    question = bytearray(NOTIFICATION)
    try:
        fcntl.ioctl(listener, RECEIVE, question)
        number, thread = struct.unpack_from("QI", question)
        room = len(os.listdir(f"/proc/{thread}/task")) < walls.MAX_THREADS
        fcntl.ioctl(
            listener,
            SEND,
            struct.pack("Qqii", number, 0, 0 if room else -EAGAIN, CONTINUE if room else 0),
        )
    except OSError:
        return  # it was killed meanwhile
