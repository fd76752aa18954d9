"""Work on texts that takes a thread where it is long."""

from __future__ import annotations

import threading

import pytest

from assay.service.concurrency.offload import LONG_WORK, characters, length_of, offload, to_be_read
from assay.verifiers import Message, Pair, Query

CONVERSATION = Query((Message("system", "abc"), Message("user", "de")))


@pytest.mark.parametrize(
    ("size", "elsewhere"), [(0, False), (LONG_WORK, False), (LONG_WORK + 1, True)]
)
async def test_only_long_work_has_a_thread(size: int, elsewhere: bool) -> None:
    """A thread costs more than short work does."""
    thread = await offload(size, threading.get_ident)

    assert (thread != threading.get_ident()) is elsewhere


async def test_arguments_and_errors_pass_through_a_thread() -> None:
    """As if the function had been called at once."""
    assert await offload(LONG_WORK + 1, int, "z", base=36) == 35
    with pytest.raises(ValueError, match="invalid literal"):
        await offload(LONG_WORK + 1, int, "z")


def test_the_length_of_a_conversation_is_that_of_its_turns() -> None:
    """Roles do not count."""
    assert length_of(CONVERSATION) == 5


def test_a_query_counts_once_where_it_was_sent_once_and_once_a_candidate_where_it_is_read() -> None:
    """Pairs bring a query each."""
    pairs = [Pair(CONVERSATION, "x"), Pair(CONVERSATION, "yy"), Pair(CONVERSATION, "")]

    assert (characters(pairs, one_query=True), characters(pairs, one_query=False)) == (8, 18)
    assert (to_be_read(pairs, one_query=True), to_be_read(pairs, one_query=False)) == (18, 18)
    assert characters([], one_query=True) == to_be_read([], one_query=True) == 0
