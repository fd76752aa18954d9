"""The system calls that code may make."""

from __future__ import annotations

import pytest

from assay.verifiers import MissingExtraError
from assay.verifiers.safety.sandbox import supported
from assay.verifiers.safety.seccomp import NOTIFY, filter_program, on_threads
from assay.verifiers.safety.system_calls import MACHINES

try:
    supported()
except MissingExtraError as missing:
    # another system than Linux: the verifier says the same
    pytest.skip(str(missing), allow_module_level=True)


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_filters_fit(machine: str) -> None:
    """For each machine that they are written for; the kernel takes 4,096 instructions."""
    for program in (filter_program(machine), on_threads(machine, NOTIFY)):
        assert len(program) % 8 == 0
        assert len(program) // 8 < 4096
