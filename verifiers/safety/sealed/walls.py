"""Confines a process of the sandbox: it keeps nothing but computing, for good."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module of types takes longer to load than all of ours
    from typing import Any


PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
SET_FILTER, NEW_LISTENER = 1, 8
OWN_PID = 0x7FFFFFFF  # stands in the filter for the pid of the process that it is for
#: Uids and gids that no other process has: one for each pid, above those of users, services and
#: containers (systemd's table); and, if a container knows no such high ones, those that systemd
#: keeps for transient users.
HIGH, PASSING = 0x70000000, range(61184, 65520)
#: Namespaces of users, of pids, of semaphores and messages, and of networks with their abstract
#: sockets.
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWNET = (
    0x10000000,
    0x20000000,
    0x08000000,
    0x40000000,
)
CAPSET = {"x86_64": 126, "aarch64": 91}
#: The versions of Landlock that know ports, and signals and abstract sockets.
PORTS_VERSION, SCOPES_VERSION = 4, 6
MAX_THREADS = 64
"""Most threads of one process of the sandbox; twice as many where all start at one instant."""

libc = ctypes.CDLL(None, use_errno=True)


def check_call(result: int, name: str) -> int:
    """Return a call's result; raise `OSError` if it failed, so that no code runs unprotected."""
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def die_with_parent() -> None:
    """End this process when its parent ends; call it again after each change of user."""
    check_call(libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "death signal")


def no_new_privileges() -> None:
    """Gain no rights from any file, as the kernel requires before a filter."""
    check_call(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def own_namespaces() -> bool:
    """Give this process and its children namespaces of their own; return whether that is allowed.

    Only children are in the new pid namespace. A new user namespace brings rights inside of it,
    which the process gives up again.
    """
    # A network takes the kernel a while to make and to remove: only where Landlock does not shut
    # off abstract sockets.
    others = (
        CLONE_NEWPID | CLONE_NEWIPC | (CLONE_NEWNET if landlock_version() < SCOPES_VERSION else 0)
    )
    if os.geteuid() == 0:
        return bool(libc.unshare(others) == 0)
    if libc.unshare(CLONE_NEWUSER | others) != 0:
        return False
    version_3, this_process = 0x20080522, 0
    check_call(
        libc.syscall(
            CAPSET[os.uname().machine], struct.pack("Ii", version_3, this_process), bytes(24)
        ),
        "capabilities",
    )
    return True


def install_filter(program: bytes, seccomp: int, flags: int = 0) -> int:
    """Put up a system-call filter; return the listener's descriptor if requested, else 0."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return check_call(
        libc.syscall(seccomp, SET_FILTER, flags, ctypes.c_char_p(header)), "system-call filter"
    )


def seal(job: dict[str, Any], side: int, *, own_count: bool) -> None:
    """Give up all but computing. `own_count`: no other user's processes count as this one's."""
    landlock()
    for kind, limit in limits(job["memory_bytes"], job["seconds"], own_count=own_count).items():
        resource.setrlimit(kind, (limit, limit))
    root = os.geteuid() == 0
    if root:
        become_nobody_else(2 * job["pid"] + side)
    # Nobody reads the memory of a process that cannot be dumped; but of root's the libraries are
    # reached by /proc/self, which would not be its own then, and its user is nobody else's.
    check_call(libc.prctl(PR_SET_DUMPABLE, int(root), 0, 0, 0), "dumpable")
    die_with_parent()
    no_new_privileges()
    own_pid = struct.pack("<I", os.getpid())
    install_filter(
        bytes.fromhex(job["filter"]).replace(struct.pack("<I", OWN_PID), own_pid), job["seccomp"]
    )


def limits(memory_bytes: int, seconds: int, *, own_count: bool) -> dict[int, int]:
    """Return the bounds of the kernel's resources that this process could exhaust."""
    bounds = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: seconds + 1,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_SIGPENDING: 64,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if own_count:
        bounds[resource.RLIMIT_NPROC] = 2 * MAX_THREADS + 8
    return bounds


def become_nobody_else(number: int) -> None:
    """Take a user and a group that no other process has; raise `OSError` if root may not."""
    os.setgroups([])
    try:
        user = HIGH + number
        os.setresgid(user, user, user)
    except OSError:  # a container that maps fewer
        user = PASSING[number % len(PASSING)]
        os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def keep_reading_libraries() -> list[int]:
    """Open the libraries' folders and return them, for reads after the change of user.

    The user nobody may not pass through the home of the user who installed Python.
    """
    if os.geteuid() != 0:
        return []
    folders = {
        path: os.open(path, os.O_PATH | os.O_DIRECTORY) for path in sys.path if os.path.isdir(path)
    }
    for module in list(
        sys.modules.values()
    ):  # packages that are loaded look for their modules beside themselves
        for path, folder in folders.items():
            if getattr(module, "__path__", None):
                module.__path__ = [
                    place.replace(path + "/", f"/proc/self/fd/{folder}/")
                    for place in module.__path__
                ]
    sys.path[:] = [f"/proc/self/fd/{folder}" for folder in folders.values()]
    sys.path_importer_cache.clear()
    return list(folders.values())


def landlock_version() -> int:
    """Return this kernel's version of Landlock, 0 if it has none or keeps it from us."""
    return max(0, int(libc.syscall(444, None, 0, 1)))


def landlock() -> None:
    """Allow reads of libraries only, no ports, and no signals or sockets outside."""
    create, add, restrict = 444, 445, 446
    version = landlock_version()
    if version == 0:
        return  # the system-call filter keeps files from being written in any case
    files = (
        1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    ) - 1  # every right that the version knows
    ports, scopes = (
        (0b11 if version >= PORTS_VERSION else 0),
        (0b11 if version >= SCOPES_VERSION else 0),
    )
    attributes = struct.pack("QQQ", files, ports, scopes)[
        : 8 if version < PORTS_VERSION else 16 if version < SCOPES_VERSION else 24
    ]
    ruleset = check_call(libc.syscall(create, attributes, len(attributes), 0), "landlock")
    execute, read_file, read_folder = 1 << 0, 1 << 2, 1 << 3
    system = (
        "/usr/lib",
        "/lib",
        "/lib64",
        "/usr/share/zoneinfo",
        "/dev/null",
        "/dev/urandom",
        "/proc/self/fd",
    )
    for path in {*system, *sys.path, sys.base_prefix}:
        try:
            folder = os.open(path, os.O_PATH)
        except OSError:
            continue
        rights = read_file | (read_folder | execute if os.path.isdir(path) else 0)
        check_call(libc.syscall(add, ruleset, 1, struct.pack("=Qi", rights, folder), 0), "landlock")
        os.close(folder)
    no_new_privileges()
    check_call(libc.syscall(restrict, ruleset, 0), "landlock")
    os.close(ruleset)
