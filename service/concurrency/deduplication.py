"""Shares calls among requests: sends identical pairs once, and cancels unwanted calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from assay.verifiers import SENT, Pair, Sent, Verdict, Verdicts, VerifierSettings


class PairScorer(Protocol):
    """The target of a call: it answers for every pair, and raises only when cancelled."""

    @property
    def settings(self) -> VerifierSettings:
        """Return the verifier's settings."""
        ...

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order."""
        ...


@dataclass(slots=True)
class Call:
    """A request's pairs for one verifier: `rows` and `keys` name the pairs of the request.

    `set_key`: the name of the whole set, if the verifier compares all of its candidates; rows
    and pairs are then in the set's own order.
    """

    verifier: PairScorer
    fingerprint: int
    column: int
    rows: Sequence[int]
    keys: Sequence[str]
    pairs: Sequence[Pair]
    set_key: str | None = None


class SharedCall:
    """One call to a verifier, shared by the requests that want its pairs; one of them pays."""

    __slots__ = (
        "latency_ms",
        "orphaned",
        "paid",
        "places",
        "released",
        "sent",
        "subscribers",
        "task",
    )

    def __init__(self, verifier: PairScorer, keys: Sequence[str], pairs: Sequence[Pair]) -> None:
        self.places = {key: place for place, key in enumerate(keys)}
        self.subscribers = 0
        self.released = False  # cancelled, and about to be gone: not to be joined any more
        self.sent = Sent()
        self.orphaned = False  # whether the request that started it has left
        self.paid = False
        self.latency_ms = 0.0
        self.task = asyncio.create_task(self._run(verifier, pairs))

    async def _run(self, verifier: PairScorer, pairs: Sequence[Pair]) -> Verdicts:
        SENT.set(self.sent)
        began = time.perf_counter()
        verdicts = await verifier.score(pairs)
        self.latency_ms = (time.perf_counter() - began) * 1e3
        return verdicts


@dataclass(slots=True)
class Subscription:
    """A request's part of a shared call: its column, and its rows by the call's pairs."""

    call: SharedCall
    column: int
    rows: list[tuple[int, str]]
    owner: bool  # the request that started the call, and is billed for it

    @property
    def pays(self) -> bool:
        """Return whether the request pays: it started the call, or the starter left too early."""
        return not self.call.paid and (self.owner or self.call.orphaned)

    def pay(self) -> int:
        """Return how many candidates the request pays for; each counts once."""
        call = self.call
        if call.paid or not (self.owner or call.orphaned):  # `pays`, inlined: every call comes here
            return 0
        task = call.task
        if task.done() and not task.cancelled():
            billable = [verdict.called for verdict in task.result().items].count(True)
        elif call.sent.any:
            billable = len(call.places)
        else:
            call.orphaned = True
            return 0
        call.paid = True
        return billable

    def verdicts(self) -> list[tuple[int, Verdict]]:
        """Return the verdict of each of the request's rows, once the call is over."""
        items, places = self.call.task.result().items, self.call.places
        return [(row, items[places[key]]) for row, key in self.rows]


class SingleFlight:
    """All calls under way in one process, by verifier fingerprint and pair."""

    def __init__(self) -> None:
        self._by_fingerprint: dict[int, dict[str, SharedCall]] = {}

    def __len__(self) -> int:
        return sum(len(by_key) for by_key in self._by_fingerprint.values())

    def join(self, wanted: Call) -> list[Subscription]:
        """Subscribe to calls for all pairs: join running ones, start the rest in batches."""
        by_key = self._by_fingerprint.setdefault(wanted.fingerprint, {})
        if wanted.set_key is not None:
            subscriptions = [self._join_set(by_key, wanted, wanted.set_key)]
        elif len(set(wanted.keys)) == len(wanted.keys) and by_key.keys().isdisjoint(wanted.keys):
            rows = list(zip(wanted.rows, wanted.keys, strict=True))
            subscriptions = self._start(by_key, wanted, rows, wanted.pairs)
        else:
            subscriptions = self._join_pairs(by_key, wanted)
        for subscription in subscriptions:
            subscription.call.subscribers += 1
        return subscriptions

    def _join_pairs(self, by_key: dict[str, SharedCall], wanted: Call) -> list[Subscription]:
        """Subscribe to running calls that cover a pair; start calls for the others."""
        joined: dict[SharedCall, list[tuple[int, str]]] = {}
        fresh: dict[str, tuple[int, Pair]] = {}
        repeated: list[tuple[int, str]] = []
        for row, key, pair in zip(wanted.rows, wanted.keys, wanted.pairs, strict=True):
            if key in fresh:  # the same text twice in one request
                repeated.append((row, key))
            elif key in by_key and not by_key[key].released:
                joined.setdefault(by_key[key], []).append((row, key))
            else:
                fresh[key] = (row, pair)
        subscriptions = [
            Subscription(call, wanted.column, rows, owner=False) for call, rows in joined.items()
        ]
        rows = [(row, key) for key, (row, _) in fresh.items()]
        subscriptions += self._start(by_key, wanted, rows, [pair for _, pair in fresh.values()])
        for row, key in repeated:
            subscription = next(item for item in subscriptions if key in item.call.places)
            subscription.rows.append((row, key))
        return subscriptions

    def _join_set(self, by_key: dict[str, SharedCall], wanted: Call, set_key: str) -> Subscription:
        """Subscribe to the call that compares a whole set."""
        call, owner = by_key.get(set_key), False
        if call is None or call.released:
            places = [f"{place}" for place in range(len(wanted.pairs))]
            call, owner = SharedCall(wanted.verifier, places, wanted.pairs), True
            self._register(by_key, [set_key], call)
        rows = [(row, f"{place}") for place, row in enumerate(wanted.rows)]
        return Subscription(call, wanted.column, rows, owner)

    def _start(
        self,
        by_key: dict[str, SharedCall],
        wanted: Call,
        rows: list[tuple[int, str]],
        pairs: Sequence[Pair],
    ) -> list[Subscription]:
        """Start calls for pairs that no call covers yet, in batches of the verifier's size."""
        subscriptions = []
        size = wanted.verifier.settings.batch_size
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            keys = [key for _, key in batch]
            call = SharedCall(wanted.verifier, keys, pairs[start : start + size])
            self._register(by_key, keys, call)
            subscriptions.append(Subscription(call, wanted.column, batch, owner=True))
        return subscriptions

    @staticmethod
    def _register(by_key: dict[str, SharedCall], keys: Sequence[str], call: SharedCall) -> None:
        by_key.update(dict.fromkeys(keys, call))

        def forget(_: asyncio.Task[Verdicts]) -> None:
            for key in keys:
                if by_key.get(key) is call:  # a later call may have taken its place
                    del by_key[key]

        call.task.add_done_callback(forget)

    @staticmethod
    def release(subscriptions: Sequence[Subscription]) -> None:
        """Give up subscriptions; a call without any is cancelled, and its connection closed."""
        for subscription in subscriptions:
            call = subscription.call
            call.subscribers -= 1
            if call.subscribers <= 0:
                call.released = True
                call.task.cancel()


async def collect(
    subscriptions: Sequence[Subscription], until: float, first: bool
) -> tuple[set[asyncio.Task[Verdicts]], bool]:
    """Wait for calls; return those that are over, and whether the time was over before them.

    `until`: by the monotonic clock; `first`: return as soon as any call is over, not all.
    """
    calls = {subscription.call.task for subscription in subscriptions}
    over, waiting = await asyncio.wait(
        calls,
        timeout=max(0.0, until - time.monotonic()),
        return_when=asyncio.FIRST_COMPLETED if first else asyncio.ALL_COMPLETED,
    )
    return over, not over or (not first and bool(waiting))
