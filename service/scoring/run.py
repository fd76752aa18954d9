"""A request under way: what is known so far, and who is still asked."""

from __future__ import annotations

import time
from collections.abc import Sequence

from assay.service.concurrency.single_flight import Subscription
from assay.service.concurrency.token_admission import tokens_of
from assay.service.domain.budget import NOTHING
from assay.service.domain.identity import Keys
from assay.service.domain.matrix import ScoreMatrix
from assay.service.scoring.cascade_run import Bools, CascadeRun
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.verifiers import Pair, Usage, Verdict


class ScoringRun:
    """A request under way."""

    __slots__ = (
        "answers",
        "asked",
        "began",
        "columns",
        "cost",
        "course",
        "deadline",
        "given_up",
        "keys",
        "members",
        "pairs",
        "shared",
        "shares",
        "sheet",
        "spent",
        "stored",
        "warnings",
        "work",
    )

    def __init__(
        self,
        members: Sequence[EnsembleMember],
        pairs: Sequence[Pair],
        keys: Keys,
        shared: Keys,
        sheet: ScoreMatrix,
        deadline: float,
    ) -> None:
        self.members = members
        self.pairs = pairs
        self.columns = [member.column for member in members]
        self.keys = keys
        self.shared = shared  # the names by which scores are remembered
        self.sheet = sheet
        self.deadline = deadline
        self.stored: dict[str, bytes] = {}
        self.shares: list[Subscription] = []
        self.answers: list[str] = []  # what tells the candidates' answers apart
        self.asked: list[tuple[str, float, Usage]] = []
        self.began = time.monotonic()
        self.work = 0  # tokens taken on
        self.course: CascadeRun | None = None
        self.cost = 0.0  # of what was really asked
        self.given_up = 0.0  # of it, of calls that were left
        self.spent = NOTHING
        self.warnings: list[str] = []

    def pay(self, share: Subscription) -> float:
        """Return what the request pays for a call that has landed, or is left; it is counted."""
        cost = self.members[share.column].guarded.settings.cost * share.pay()
        self.cost += cost
        return cost

    def wanted_rows(self, column: int, among: Bools | None = None) -> list[int]:
        """Return the pairs that a verifier is asked about now: what is not known of those that
        are kept, or of all it compares.
        """
        rows = self.sheet.unknown_rows(column)
        if self.course is None:
            return rows
        wanted = self.course.kept if among is None else among
        under_way = {
            row for share in self.shares if share.column == column for row, _ in share.rows
        }
        kept = [row for row in rows if wanted[row] and row not in under_way]
        return (
            [row for row in rows if row not in under_way]
            if kept and self.members[column].setwise
            else kept
        )


def enter(run: ScoringRun, column: int, rows: Sequence[int] | range, verdict: Verdict) -> None:
    """Enter a verdict of some pairs."""
    for row in rows:
        run.sheet.put(row, column, verdict)


def work_of(job: ScoringRequest, run: ScoringRun) -> int:
    """Return an estimate of the tokens that models are asked to read."""
    return sum(
        tokens_of(
            member.guarded.settings, [job.pairs[row] for row in run.sheet.unknown_rows(column)]
        )
        for column, member in enumerate(run.members)
    )


def reasons(members: Sequence[EnsembleMember], sheet: ScoreMatrix) -> dict[str, str]:
    """Return why each verifier has no score: its first reason."""
    return {
        member.name: next(
            (
                sheet.reasons[row, column]
                for row in range(len(sheet.raw))
                if (row, column) in sheet.reasons
            ),
            "no score",
        )
        for column, member in enumerate(members)
    }
