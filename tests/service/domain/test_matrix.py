"""A request's scores, and how each came about."""

from __future__ import annotations

import pytest

from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import (
    Verdict,
)


@pytest.mark.parametrize(("left_out", "noted"), [(-5, 0), (7, 7), (10**12, 2**32 - 1)])
def test_what_was_left_out_is_noted_as_far_as_it_can_be(left_out: int, noted: int) -> None:
    """A verifier of one's own may say anything; the request does not fail for it."""
    matrix = ScoreMatrix(1, 1)

    matrix.put(0, 0, Verdict(0.5, truncated_tokens=left_out))

    assert matrix.truncated[0, 0] == noted
