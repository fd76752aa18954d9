"""Calls under way: identical pairs are asked once, and a call that nobody waits for any more is
cancelled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from assay.verifiers import SENT, Pair, Sent, Verdict, Verdicts, VerifierSettings


class PairScorer(Protocol):
    """What a call goes to: it answers for every pair, and never raises but when cancelled."""

    @property
    def settings(self) -> VerifierSettings:
        """Return the verifier's settings."""

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order."""


class SharedCall:
    """One call to a verifier, shared by all requests that want one of its pairs; one of them
    pays for it.
    """

    __slots__ = ("given_up", "latency_ms", "orphaned", "paid", "places", "sent", "task", "waiting")

    def __init__(self, verifier: PairScorer, keys: Sequence[str], pairs: Sequence[Pair]) -> None:
        self.places = {key: place for place, key in enumerate(keys)}
        self.waiting = 0
        self.given_up = False  # cancelled, and about to be gone: not to be joined any more
        self.sent = Sent()
        self.orphaned = self.paid = (
            False  # whether the request that set it off is gone, and whether somebody has paid
        )
        self.latency_ms = 0.0
        self.task = asyncio.create_task(self._fly(verifier, pairs))

    async def _fly(self, verifier: PairScorer, pairs: Sequence[Pair]) -> Verdicts:
        SENT.set(self.sent)
        started = time.perf_counter()
        verdicts = await verifier.score(pairs)
        self.latency_ms = (time.perf_counter() - started) * 1e3
        return verdicts


@dataclass(slots=True)
class Subscription:
    """A request's part of a flight: which of its rows, in which column, under which of the
    flight's pairs.
    """

    flight: SharedCall
    column: int
    rows: list[tuple[int, str]]
    owner: bool  # the request that set the flight off, and is billed for it

    @property
    def pays(self) -> bool:
        """Return whether the request pays: it set the flight off, or who did has left before
        anything was sent.
        """
        return not self.flight.paid and (self.owner or self.flight.orphaned)

    def pay(self) -> int:
        """Return how many candidates the request pays for: those that were asked about, once."""
        flight = self.flight
        if flight.paid or not (
            self.owner or flight.orphaned
        ):  # `pays`, which is asked for each call
            return 0
        task = flight.task
        if task.done() and not task.cancelled():
            asked = [verdict.asked for verdict in task.result().items].count(True)
        elif flight.sent.any:
            asked = len(flight.places)
        else:
            flight.orphaned = True
            return 0
        flight.paid = True
        return asked

    def verdicts(self) -> list[tuple[int, Verdict]]:
        """Return what was said of each of the request's rows, once the flight has landed."""
        items, places = self.flight.task.result().items, self.flight.places
        return [(row, items[places[key]]) for row, key in self.rows]


class Inflight:
    """All flights of one process, by verifier fingerprint and pair."""

    def __init__(self) -> None:
        self._lanes: dict[int, dict[str, SharedCall]] = {}

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def board(
        self,
        verifier: PairScorer,
        fingerprint: int,
        column: int,
        rows: Sequence[int],
        keys: Sequence[str],
        pairs: Sequence[Pair],
    ) -> list[Subscription]:
        """Return shares in flights for all wanted pairs, joining those under way, starting the
        rest in batches.
        """
        lane = self._lanes.setdefault(fingerprint, {})
        if len(set(keys)) == len(keys) and lane.keys().isdisjoint(keys):
            return self._boarded(
                self._start(lane, verifier, column, list(zip(rows, keys, strict=True)), pairs)
            )
        joined: dict[SharedCall, list[tuple[int, str]]] = {}
        fresh: dict[str, tuple[int, Pair]] = {}
        doubled: list[tuple[int, str]] = []
        for row, key, pair in zip(rows, keys, pairs, strict=True):
            if key in fresh:  # the same text twice in one request
                doubled.append((row, key))
            elif key in lane and not lane[key].given_up:
                joined.setdefault(lane[key], []).append((row, key))
            else:
                fresh[key] = (row, pair)
        shares = [
            Subscription(flight, column, places, owner=False) for flight, places in joined.items()
        ]
        wanted = [(row, key) for key, (row, _) in fresh.items()]
        shares += self._start(lane, verifier, column, wanted, [pair for _, pair in fresh.values()])
        for row, key in doubled:
            next(share for share in shares if key in share.flight.places).rows.append((row, key))
        return self._boarded(shares)

    def _start(
        self,
        lane: dict[str, SharedCall],
        verifier: PairScorer,
        column: int,
        wanted: list[tuple[int, str]],
        pairs: Sequence[Pair],
    ) -> list[Subscription]:
        """Start flights for pairs that nobody has asked about, as many in each as the verifier
        takes.
        """
        shares = []
        size = verifier.settings.batch_size
        for start in range(0, len(wanted), size):
            places = wanted[start : start + size]
            keys = [key for _, key in places]
            flight = self._launch(
                lane, keys, SharedCall(verifier, keys, pairs[start : start + size])
            )
            shares.append(Subscription(flight, column, places, owner=True))
        return shares

    def board_set(
        self,
        verifier: PairScorer,
        fingerprint: int,
        column: int,
        whole: str,
        rows: Sequence[int],
        pairs: Sequence[Pair],
    ) -> list[Subscription]:
        """Return the share in the flight that compares a whole set; `rows` and `pairs` are in
        the set's own order.
        """
        lane = self._lanes.setdefault(fingerprint, {})
        flight, owner = lane.get(whole), False
        if flight is None or flight.given_up:
            places = [f"{place}" for place in range(len(pairs))]
            flight, owner = self._launch(lane, [whole], SharedCall(verifier, places, pairs)), True
        return self._boarded(
            [
                Subscription(
                    flight, column, [(row, f"{place}") for place, row in enumerate(rows)], owner
                )
            ]
        )

    @staticmethod
    def leave(shares: Sequence[Subscription]) -> None:
        """Give up shares; a flight that nobody shares is cancelled, and its connection closed."""
        for share in shares:
            share.flight.waiting -= 1
            if share.flight.waiting <= 0:
                share.flight.given_up = True
                share.flight.task.cancel()

    @staticmethod
    def _boarded(shares: list[Subscription]) -> list[Subscription]:
        for share in shares:
            share.flight.waiting += 1
        return shares

    @staticmethod
    def _launch(lane: dict[str, SharedCall], keys: Sequence[str], flight: SharedCall) -> SharedCall:
        lane.update(dict.fromkeys(keys, flight))

        def landed(_: asyncio.Task[Verdicts]) -> None:
            for key in keys:
                if lane.get(key) is flight:  # a later flight may have taken its place
                    del lane[key]

        flight.task.add_done_callback(landed)
        return flight
