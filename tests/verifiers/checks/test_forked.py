"""A call in a forked process."""

from __future__ import annotations

import os
import time

import pytest

from assay.verifiers.checks.answers.answer_equality import load_math
from assay.verifiers.checks.forked import forked


def test_a_forked_call_brings_its_result_or_is_killed() -> None:
    """And nothing comes of one that dies."""
    load_math()
    assert forked(lambda: b"7", 10) == b"7"
    assert forked(lambda: os._exit(3), 10) == b""
    with pytest.raises(TimeoutError):
        forked(_sleeping, 0.1)


def _sleeping() -> bytes:
    time.sleep(60)  # what hangs
    return b"late"
