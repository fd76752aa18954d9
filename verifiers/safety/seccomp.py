"""The system-call filter: a BPF program that allows computing, by number and by argument."""

import struct
from collections.abc import Sequence
from errno import ENOSYS, EPERM

from assay.verifiers.safety.system_calls import (
    EXAMINED,
    MACHINES,
    THREAD_FLAGS,
    Check,
    OneOf,
    Without,
    Zero,
)

ALLOW, ERRNO, NOTIFY, KILL = 0x7FFF0000, 0x00050000, 0x7FC00000, 0x80000000
LOAD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06
#: Offsets in seccomp_data; an argument's lower half comes first.
NUMBER_OFFSET, ARCH_OFFSET, ARGUMENTS_OFFSET = 0, 4, 16
FAIL = -1  # where a check fails it jumps behind its alternative: known once that is whole

Step = tuple[int, int, int, int]


def filter_program(machine: str) -> bytes:
    """Return the filter as a BPF program: it refuses unlisted calls, and ends foreign ABIs.

    `OWN_PID` stands in it where the sealed process puts its own.
    """
    calls = MACHINES[machine]
    code = natives_only(calls.arch)
    for number in sorted(calls.free.values()):
        code += when(number, [(RETURN, 0, 0, ALLOW)])
    for name, alternatives in EXAMINED.items():
        if name in calls.examined:
            allowed = [step for checks in alternatives for step in alternative(checks, ALLOW)]
            code += when(calls.examined[name], [*allowed, (RETURN, 0, 0, ERRNO | EPERM)])
    # The C library falls back to clone, whose flags can be looked at, where clone3 is not there.
    code += when(calls.clone3, [(RETURN, 0, 0, ERRNO | ENOSYS)])
    return assembled([*code, (RETURN, 0, 0, ERRNO | EPERM)])


def on_threads(machine: str, answer: int) -> bytes:
    """Return a filter that gives this answer to each new thread, and none to other calls."""
    calls = MACHINES[machine]
    answered = alternative((OneOf(0, THREAD_FLAGS),), answer)
    code = [
        *natives_only(calls.arch),
        *when(calls.examined["clone"], [*answered, (RETURN, 0, 0, ALLOW)]),
    ]
    return assembled([*code, (RETURN, 0, 0, ALLOW)])


def natives_only(arch: int) -> list[Step]:
    """Return the steps that end a process of another ABI, and load the call's number."""
    return [
        (LOAD, 0, 0, ARCH_OFFSET),
        (JUMP_EQUAL, 1, 0, arch),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_OFFSET),
    ]


def when(number: int, body: Sequence[Step]) -> list[Step]:
    """Return a body for calls of this number; it must end by returning."""
    return [(JUMP_EQUAL, 0, len(body), number), *body]


def alternative(checks: Sequence[Check], answer: int) -> list[Step]:
    """Return the steps that answer if all checks hold, and else go on behind themselves."""
    steps = [step for check in checks for step in steps_of(check)] + [(RETURN, 0, 0, answer)]
    behind = [len(steps) - place - 1 for place in range(len(steps))]
    return [
        (
            code,
            behind[place] if hit == FAIL else hit,
            behind[place] if miss == FAIL else miss,
            value,
        )
        for place, (code, hit, miss, value) in enumerate(steps)
    ]


def steps_of(check: Check) -> list[Step]:
    """Return the steps of one check of one argument."""
    lower = ARGUMENTS_OFFSET + 8 * check.argument
    match check:
        case OneOf(values=values):
            *first, last = values
            jumps = [
                (JUMP_EQUAL, len(first) - place, 0, value) for place, value in enumerate(first)
            ]
            return [(LOAD, 0, 0, lower), *jumps, (JUMP_EQUAL, 0, FAIL, last)]
        case Without(bits=bits):
            return [(LOAD, 0, 0, lower), (JUMP_SET, FAIL, 0, bits)]
        case Zero():  # a pointer: both halves
            return [
                step
                for half in (lower, lower + 4)
                for step in ((LOAD, 0, 0, half), (JUMP_EQUAL, 0, FAIL, 0))
            ]


def assembled(code: Sequence[Step]) -> bytes:
    """Return the steps as the kernel reads them."""
    return b"".join(struct.pack("<HBBI", *step) for step in code)
