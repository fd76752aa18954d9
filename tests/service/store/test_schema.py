"""The store's keys, which every release must find again."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from assay.service.store import schema
from assay.service.store.schema import (
    GENERATION_KEY,
    SCORE_PREFIX,
    EvictionError,
    check_eviction,
    counter_key,
    damaged_key,
    doctor_key,
    task_key,
)


def test_keys_are_those_of_every_release_before() -> None:
    """A changed key would lose its value."""
    assert task_key("math", "labels") == "assay:1:labels:{math}"
    assert damaged_key("math") == "assay:1:damaged:{math}"
    assert damaged_key("math", "requests") == "assay:1:damaged:requests:{math}"
    assert doctor_key("s1") == "assay:1:doctor:s1"
    assert counter_key("LIMITER/a") == "assay:1:LIMITER/a"
    assert (GENERATION_KEY, SCORE_PREFIX) == ("assay:1:generation", "assay:1:score:")


@pytest.mark.parametrize(("stored", "known"), [(None, False), (b"1", True), (b"one", False)])
def test_a_schema_is_known_or_noted_anew(stored: bytes | None, known: bool) -> None:
    """An empty store has none, and a damaged mark counts as none."""
    assert schema.check_schema(stored) is known


def test_a_newer_schema_is_refused() -> None:
    """With what to do."""
    with pytest.raises(schema.SchemaError, match="upgrade Assay"):
        schema.check_schema(b"2")


def test_a_server_that_would_drop_what_was_learned_is_refused() -> None:
    """Any server of a cluster; the message has the command that mends it."""
    whole = {"maxmemory": 1, "maxmemory_policy": "volatile-lru"}

    with pytest.raises(EvictionError, match="CONFIG SET maxmemory-policy volatile-lru"):
        check_eviction([whole, {"maxmemory": 1, "maxmemory_policy": "allkeys-lfu"}])
    check_eviction([whole, {}, {"maxmemory": 0, "maxmemory_policy": "allkeys-lru"}])


def test_a_server_that_refuses_when_full_is_a_warning() -> None:
    """It loses nothing; without a bound it is never full."""
    with capture_logs() as lines:
        check_eviction([{"maxmemory": 1, "maxmemory_policy": "noeviction"}])
        check_eviction([{"maxmemory": 0, "maxmemory_policy": "noeviction"}])

    assert [line["event"] for line in lines] == ["store_refuses_when_full"]


def test_all_keys_lie_below_the_schemas_number() -> None:
    """All except the number itself, which any release has to find."""
    keys = [value for name, value in vars(schema).items() if name.endswith("_KEY")]

    assert schema.SCHEMA_KEY == "assay:schema"
    assert [key for key in keys if not key.startswith("assay:1:")] == [schema.SCHEMA_KEY]
