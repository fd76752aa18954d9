"""The store's keys, which every release must find again."""

from __future__ import annotations

from assay.service.store.schema import (
    GENERATION_KEY,
    SCORE_PREFIX,
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
