"""All mutable state of one scored request.

Its matrix, its way through the tiers, the calls that it waits for, and its cost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Sequence, Set
from typing import NamedTuple

from assay.aggregation.cascade.cascade import Bools
from assay.service.concurrency.deduplication import Subscription
from assay.service.domain.budget import NOTHING_USED
from assay.service.domain.matrix import ScoreMatrix
from assay.service.domain.score_keys import Keys
from assay.service.scoring.cascade_run import CascadeRun
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.verifiers import Status, Usage, Verdict, Verdicts

LATE = Verdict(None, Status.TIMEOUT, "deadline: not answered within the request's deadline")


class ScoredColumn(NamedTuple):
    """One verifier whose scores are all in the matrix."""

    member: EnsembleMember
    matrix: ScoreMatrix
    column: int


class ScoringRun:
    """A request under way, and all of its state."""

    __slots__ = (
        "answers",
        "asking_s",
        "began",
        "billed",
        "cascade",
        "claimed",
        "columns",
        "cost",
        "deadline",
        "given_up",
        "keys",
        "matrix",
        "members",
        "planned",
        "request",
        "served",
        "shared_keys",
        "stored",
        "subscriptions",
        "used",
        "warnings",
        "work",
    )

    def __init__(
        self,
        request: ScoringRequest,
        members: Sequence[EnsembleMember],
        keys: Keys,
        shared_keys: Keys,
    ) -> None:
        self.request = request
        self.served = request.task.served  # the version that plans and answers the request
        self.members = members
        self.columns = [member.column for member in members]
        self.keys = keys
        self.shared_keys = shared_keys  # the names by which scores are remembered
        self.matrix = ScoreMatrix(len(request.pairs), len(members))
        self.began = time.monotonic()
        self.deadline = self.began + request.deadline_s
        self.stored: dict[str, bytes] = {}
        self.claimed = False  # whether the new scores are in the store already
        self.planned = False  # whether the first calls are decided
        self.cascade: CascadeRun | None = None
        self.subscriptions: list[Subscription] = []
        self.billed: list[tuple[str, float, Usage]] = []  # verifier, seconds, usage of each call
        self.asking_s = 0.0
        self.work = 0  # tokens taken on
        self.used = NOTHING_USED  # of the budget
        self.cost = 0.0  # of sent calls
        self.given_up = 0.0  # of it, of calls that were released
        self.answers: list[Hashable] = []  # keys that tell the candidates' answers apart
        self.warnings: list[str] = []

    @property
    def awaited(self) -> set[int]:
        """Return the columns that calls are waited for in."""
        return {subscription.column for subscription in self.subscriptions}

    def finished_columns(self) -> list[int]:
        """Return the columns to which nothing will be added."""
        cascade = self.cascade
        open_columns = self.awaited | set(cascade.later if cascade and not cascade.done else ())
        return [column for column in range(len(self.members)) if column not in open_columns]

    def wanted_rows(self, column: int, among: Bools | None = None) -> list[int]:
        """Return the pairs of a verifier's next call: unknown ones, or all if it compares them."""
        rows = self.matrix.unknown_rows(column)
        if self.cascade is None:
            return rows
        eligible = self.cascade.survivors if among is None else among
        rows_in_flight = {
            row
            for subscription in self.subscriptions
            if subscription.column == column
            for row, _ in subscription.rows
        }
        rows_to_call = [row for row in rows if eligible[row] and row not in rows_in_flight]
        if rows_to_call and self.members[column].setwise:
            return [row for row in rows if row not in rows_in_flight]
        return rows_to_call

    def enter(self, column: int, rows: Sequence[int] | range, verdict: Verdict) -> None:
        """Enter one verdict for some pairs."""
        for row in rows:
            self.matrix.put(row, column, verdict)

    def enter_replies(self, over: Set[asyncio.Task[Verdicts]]) -> None:
        """Enter the replies of calls that are over, and wait for the others only."""
        waiting: list[Subscription] = []
        replies: dict[int, list[tuple[int, Verdict]]] = {}
        for subscription in self.subscriptions:
            if subscription.call.task in over:
                replies.setdefault(subscription.column, []).extend(self._reply(subscription))
            else:
                waiting.append(subscription)
        for column, verdicts in replies.items():
            self.matrix.put_all(column, verdicts)
        self.subscriptions = waiting

    def _reply(self, subscription: Subscription) -> list[tuple[int, Verdict]]:
        """Return a call's verdicts of the request's rows, and pay for it."""
        if subscription.call.task.cancelled():  # the loop is closing down
            return [(row, LATE) for row, _ in subscription.rows]
        column, latency = subscription.column, subscription.call.latency_ms
        self.matrix.latency_ms[column] = max(self.matrix.latency_ms[column] or 0.0, latency)
        if subscription.pays:
            self.pay(subscription)
            usage = subscription.call.task.result().usage
            self.matrix.usage.add(usage)
            self.billed.append((self.members[column].name, latency / 1e3, usage))
        return subscription.verdicts()

    def enter_late(self) -> None:
        """Enter that the deadline passed before the calls that are waited for."""
        for subscription in self.subscriptions:
            self.enter(subscription.column, [row for row, _ in subscription.rows], LATE)

    def pay(self, subscription: Subscription) -> float:
        """Count and return the request's cost of a call that has ended, or is released."""
        cost = self.members[subscription.column].guarded.settings.cost * subscription.pay()
        self.cost += cost
        return cost
