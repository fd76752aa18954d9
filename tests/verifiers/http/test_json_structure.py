"""How many values a reply may have."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.service.scoring.generator import Generator as Generator
from assay.verifiers import BadReplyError
from assay.verifiers.http import json_structure as structure
from assay.verifiers.http.json_structure import more_values_than
from tests.support.fuzzing import JSON
from tests.support.http.reply_floods import FLOODS
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import EXAMPLES, PAIRS, SERVED, made, standin


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("kind", SERVED)
async def test_a_reply_of_more_values_than_can_be_needed_is_refused_before_it_is_parsed(
    kind: str, flood: str
) -> None:
    """Of any type, for any request: memory does not grow with it."""
    whole = standin(EXAMPLES[kind].server or "")
    verifier = made(
        kind, FakeTransport(dict.fromkeys([*whole.replies, "/score"], (200, FLOODS[flood])))
    )
    tracemalloc.start()
    with pytest.raises(BadReplyError, match="more than the"):
        await verifier.score(PAIRS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 64 << 20


def counted(value: Any) -> int:
    """Return how many commas and brackets that open a value has."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + sum(counted(each) for each in value.values())
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(counted(each) for each in value)
    return 0


@given(JSON, st.sampled_from([1, 2, 3, 7, 1 << 20]), st.booleans())
def test_values_are_counted_as_a_parser_would(value: Any, piece: int, plain: bool) -> None:
    """With anything inside strings, and pieces that end anywhere."""
    text = json.dumps(value, ensure_ascii=plain).encode()
    real = counted(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structure, "BLOCK_BYTES", piece)
        for most in (real - 1, real):
            assert more_values_than(most, text) is (real > most and len(text) > most)


@given(
    st.lists(st.sampled_from(['"', "\\", ",", "a", "{", "\\\\", '\\"']), max_size=30).map("".join),
    st.integers(1, 5),
)
def test_strings_end_where_they_do(text: str, piece: int) -> None:
    """With any number of backslashes before a quote, in pieces of any size."""
    body = json.dumps([text, [text]]).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structure, "BLOCK_BYTES", piece)
        assert more_values_than(2, body) is True
        assert more_values_than(3, body) is False
