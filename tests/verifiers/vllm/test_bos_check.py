"""A prompt begins with one BOS."""

from __future__ import annotations

import pytest

from assay.verifiers.http.upstream import Upstream
from assay.verifiers.vllm.bos_check import beginning
from assay.verifiers.vllm.truncation import Tokenizer
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made


@pytest.mark.parametrize(
    ("ids", "special", "grade"),
    [
        ([7, 1, 2], [7, 3], "ok"),
        ([7, 7, 1], [7, 3], "failed"),
        ([1, 2], [3], "ok"),
        ([5, 5, 1], [3], "failed"),
        ([1, 2], [7, 3], "warning"),
        ([7, 1, 7, 2], [7, 3], "failed"),
    ],
)
async def test_a_prompt_begins_with_exactly_one_bos(
    ids: list[int], special: list[int], grade: str
) -> None:
    """Seen on token ids; a tokenizer that has none needs none."""
    transport = FakeTransport(
        {
            "/tokenize": lambda asked: (
                200,
                {"tokens": special if asked["add_special_tokens"] else [3]},
            )
        }
    )
    upstream = Upstream(made("judge").settings, transport)  # type: ignore[arg-type]  # a judge has served settings

    assert (await beginning(Tokenizer(upstream), ids)).grade == grade
