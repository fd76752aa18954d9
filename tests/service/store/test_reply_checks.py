"""Replies that a store may give to each command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import InvalidResponse

from assay.service.store.reply_checks import count_of, entries, expect, scanned, so_many


class Client:
    """A client that keeps its callbacks."""

    def __init__(self, **callbacks: Callable[..., Any]) -> None:
        self.response_callbacks = callbacks

    def set_response_callback(self, command: str, callback: Callable[..., Any]) -> None:
        """Keep a callback."""
        self.response_callbacks[command] = callback


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("GET", 1),
        ("GET", [b"x"]),
        ("MGET", b"x"),
        ("MGET", [1]),
        ("HVALS", [[b"x"]]),
        ("HGETALL", {b"a": 1}),
        ("HGETALL", [b"a", b"b"]),
        ("XLEN", b"1"),
        ("HSET", None),
    ],
)
def test_a_reply_of_another_type_is_invalid(command: str, reply: object) -> None:
    """It belongs to another command, or is none of a store."""
    client = Client()
    expect(client)

    with pytest.raises(InvalidResponse, match=f"{command} was answered with"):
        client.response_callbacks[command](reply)


def test_a_right_reply_passes_through_the_clients_own_callback() -> None:
    """With its options; a missing value is right."""
    client = Client(
        HGETALL=lambda reply, **options: dict(zip(reply[::2], reply[1::2], strict=True))
    )
    expect(client)
    read = client.response_callbacks

    assert read["GET"](None) is None
    assert read["MGET"]([b"x", None]) == [b"x", None]
    assert read["HGETALL"]([b"a", b"b"], some=1) == {b"a": b"b"}


def test_a_list_has_as_many_values_as_were_asked_for() -> None:
    """A shorter one would shift every value."""
    assert so_many(2)([b"a", None]) == [b"a", None]
    with pytest.raises(ValueError, match="1 values instead of 2"):
        so_many(2)([b"a"])


def test_a_count_is_a_number_or_nothing() -> None:
    """Nothing is 0."""
    assert (count_of(None), count_of(3)) == (0, 3)
    with pytest.raises(ValueError, match="answered with bytes"):
        count_of(b"3")


@pytest.mark.parametrize(
    "reply", [b"x", [[b"1-0"]], [[b"1-0", [b"a"]]], [[b"1-0", [b"a", 1]]], [[1, [b"a", b"b"]]], [5]]
)
def test_what_is_no_stream_is_refused(reply: object) -> None:
    """Each entry is a name with pairs of bytes."""
    with pytest.raises((ValueError, TypeError)):
        entries(reply)


def test_entries_become_fields_by_name() -> None:
    """In order."""
    assert entries([[b"1-0", [b"a", b"b"]], [b"2-0", []]]) == [(b"1-0", {b"a": b"b"}), (b"2-0", {})]


@pytest.mark.parametrize("reply", [(0, [b"a"]), (b"0", {}), (0, {b"a": 1}), (0,)])
def test_what_is_no_part_of_a_hash_is_refused(reply: object) -> None:
    """It is a cursor with values by name."""
    assert scanned((7, {b"a": b"b"})) == (7, {b"a": b"b"})
    with pytest.raises(ValueError, match=r"."):
        scanned(reply)
