"""The users of a service that runs code: root, a plain user, a user in a strict container."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSYS, EPERM
from pathlib import Path

from assay.verifiers.safety.sandbox import MAIN, PYTHON, SEALED
from assay.verifiers.safety.sealed.walls import NEW_LISTENER
from assay.verifiers.safety.seccomp import (
    ALLOW,
    ERRNO,
    RETURN,
    alternative,
    assembled,
    natives_only,
    when,
)
from assay.verifiers.safety.system_calls import MACHINES, OneOf, Without

SYSTEM_PYTHON = Path("/usr/bin/python3")
NOBODY = 65534
NAMESPACES = 0x7E020000  # all CLONE_NEW…
#: unshare, and the calls of Landlock and of filters' listeners, by machine.
NUMBERS = {"x86_64": {"unshare": 272, "landlock": 444}, "aarch64": {"unshare": 97, "landlock": 444}}

#: Containers without namespaces, by what else they and their kernel do not have.
CONTAINERS: dict[str, list[str]] = {
    "a container": [],
    "an old kernel": ["landlock"],
    "a container without listeners": ["listeners"],
}

#: Puts up a filter and becomes another program: `python -c REFUSE HEX_OF_FILTER PROGRAM
#: ARGUMENTS…`.
REFUSE = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
program = bytes.fromhex(sys.argv[1])
buffer = ctypes.create_string_buffer(program, len(program))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)), 0, 0) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def container(*refused: str) -> list[str]:
    """Return the words before a command that refuse it namespaces, as containers do, and
    `landlock` or `listeners` if named.
    """
    machine = MACHINES[os.uname().machine]
    numbers = NUMBERS[os.uname().machine]
    code = [*natives_only(machine.arch), *when(numbers["unshare"], [(RETURN, 0, 0, ERRNO | EPERM)])]
    code += when(machine.clone3, [(RETURN, 0, 0, ERRNO | ENOSYS)])
    new = alternative((Without(0, NAMESPACES),), ALLOW)
    code += when(machine.examined["clone"], [*new, (RETURN, 0, 0, ERRNO | EPERM)])
    if "landlock" in refused:
        code += when(numbers["landlock"], [(RETURN, 0, 0, ERRNO | ENOSYS)])
    if "listeners" in refused:
        asked = alternative((OneOf(1, (NEW_LISTENER,)),), ERRNO | EPERM)
        code += when(machine.seccomp, [*asked, (RETURN, 0, 0, ALLOW)])
    return ["-c", REFUSE, assembled([*code, (RETURN, 0, 0, ALLOW)]).hex()]


@contextmanager
def readable_by_all() -> Iterator[str]:
    """Yield a folder with a copy of the sealed processes' code, which a user without rights can
    read.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - that is what it is for
        shutil.copytree(
            SEALED, Path(folder) / "sealed", ignore=shutil.ignore_patterns("__pycache__")
        )
        yield folder


def commands(folder: str) -> dict[str, list[str]]:
    """Return how the sealed processes are started as each user that this one can be."""
    python, start = sys.executable, list(PYTHON)
    users = {"a user": start}
    if os.geteuid() == 0:
        python, start = str(SYSTEM_PYTHON), [str(SYSTEM_PYTHON), "-I", "-S", "-c", MAIN, folder]
        nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        users = {"root": list(PYTHON), "a user": [*nobody, *start]}
    before = users["a user"][: -len(start)]
    for name, refused in CONTAINERS.items():
        users[name] = [*before, python, *container(*refused), *start]
    return users
