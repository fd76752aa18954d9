"""Filters of system calls."""

from __future__ import annotations

import pytest

from assay.verifiers.safety.seccomp import filter_program, on_threads
from assay.verifiers.safety.system_calls import MACHINES


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_a_filter_first_makes_sure_of_the_machine(machine: str) -> None:
    """It loads the architecture before any number, which means another call on another one."""
    load_architecture = bytes.fromhex("2000000004000000")

    assert filter_program(machine)[:8] == load_architecture
    assert on_threads(machine, 0)[:8] == load_architecture


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_filter_of_threads_carries_its_answer(machine: str) -> None:
    """And is the same otherwise."""
    one, other = on_threads(machine, 0x11223344), on_threads(machine, 0x55667788)

    assert one != other
    assert one.replace(bytes.fromhex("44332211"), bytes.fromhex("88776655")) == other
