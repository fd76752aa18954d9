"""A task's runs in the store: bounded, let go of, and never written over."""

from __future__ import annotations

import pytest

from assay.service.domain.reward_runs import IDLE_S, NO_PLACE, NO_VERSION, UNNAMED, RewardRun
from assay.service.store.client import Store
from assay.service.store.kept import runs as kept_runs
from assay.service.store.task_store import TaskStore

TTL_S = 7 * 86_400.0


def run(name: str, version: int = 0, began: float = 0.0) -> RewardRun:
    """Return a run."""
    return RewardRun(
        name=name,
        version=version,
        model_version=f"t@{version}",
        ensemble="e",
        scores_as="ab",
        began=began,
    )


async def test_the_first_call_of_a_name_wins(store: Store) -> None:
    """Whoever comes later reads what was pinned."""
    kept = TaskStore(store, "t")
    await store.redis.hset("assay:1:models:{t}", "3", "model")

    first = await kept.pin(run("a", 3), 10.0, TTL_S)
    later = await kept.pin(run("a"), 11.0, TTL_S)

    assert first == later == run("a", 3) == await kept.pinned("a", 12.0, TTL_S)
    assert await kept.pin(run("b", 4), 12.0, TTL_S) == NO_VERSION
    assert await kept.pinned("b", 12.0, TTL_S) is None
    assert [(summary.run.name, summary.used) for summary in await kept.runs()] == [("a", 12.0)]


async def test_a_run_goes_when_nobody_has_used_it_for_long(store: Store) -> None:
    """Each use counts, also one that only reads."""
    kept = TaskStore(store, "t")
    await kept.pin(run("a"), 0.0, TTL_S)
    await kept.pin(run("b"), 0.0, TTL_S)

    assert await kept.pinned("a", TTL_S - 1, TTL_S) is not None
    assert await kept.pinned("b", TTL_S, TTL_S) is None
    assert await kept.pinned("a", 2 * TTL_S - 2, TTL_S) is not None


async def test_places_are_bounded_and_only_an_idle_run_makes_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run in use is never dropped for another; unnamed runs have places of their own."""
    monkeypatch.setattr(kept_runs, "MOST_RUNS", 2)
    kept = TaskStore(store, "t")
    await kept.pin(run("a"), 0.0, TTL_S)
    await kept.pin(run("b"), IDLE_S, TTL_S)

    assert await kept.pin(run("c"), IDLE_S - 1, TTL_S) == NO_PLACE
    assert await kept.pin(run(f"{UNNAMED}key"), IDLE_S - 1, TTL_S) == run(f"{UNNAMED}key")
    await kept.end_run(f"{UNNAMED}key")
    assert await kept.pin(run("c"), IDLE_S, TTL_S) == run("c")
    assert {summary.run.name for summary in await kept.runs()} == {"b", "c"}


async def test_a_key_takes_only_places_of_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named and unnamed ones; another key, and calls without one, have theirs."""
    monkeypatch.setattr(kept_runs, "MOST_RUNS", 2)
    kept = TaskStore(store, "t")
    for name in ("a~first", "b~first", f"{UNNAMED}first@1", f"{UNNAMED}first@2"):
        assert await kept.pin(run(name), 0.0, TTL_S) == run(name)

    assert await kept.pin(run("c~first"), 1.0, TTL_S) == NO_PLACE
    assert await kept.pin(run(f"{UNNAMED}first@3"), 1.0, TTL_S) == NO_PLACE
    for name in ("a~second", "b~second", "a", "b", f"{UNNAMED}second@1", f"{UNNAMED}@1"):
        assert await kept.pin(run(name), 1.0, TTL_S) == run(name)
    assert await kept.pin(run("c~second"), 2.0, TTL_S) == NO_PLACE
    assert await kept.pin(run("c~first"), IDLE_S, TTL_S) == run("c~first")
    names = {summary.run.name for summary in await kept.runs()}
    assert len(names & {"a~first", "b~first"}) == 1
    assert names >= {"a~second", "b~second", "a", "b"}


async def test_a_damaged_run_is_moved_aside(store: Store) -> None:
    """And the name begins anew."""
    kept = TaskStore(store, "t")
    await kept.pin(run("a"), 0.0, TTL_S)
    await store.redis.hset("assay:1:runs:{t}", "a", "{}")

    assert await kept.pinned("a", 1.0, TTL_S) is None
    assert await kept.pin(run("a"), 1.0, TTL_S) == run("a")
