"""Shares of wins, from judgements of pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean

from assay.service.importers.gathering import GatheredCandidate
from assay.service.importers.importer import Wish


@dataclass(slots=True)
class Wins:
    """What was judged of each candidate: a model's judgements are scores, people's are labels."""

    _candidates: list[GatheredCandidate] = field(default_factory=list)
    _scores: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    _labels: dict[int, list[float]] = field(default_factory=dict)

    def enter(self, candidate: GatheredCandidate, judge: str | None, share: float | None) -> None:
        """Keep a candidate's share of one comparison; `judge` is None for a person."""
        self._candidates.append(candidate)
        shares = [] if share is None else [share]
        if judge is None:
            self._labels.setdefault(id(candidate), []).extend(shares)
        else:
            self._scores.setdefault((id(candidate), judge), []).extend(shares)

    def settle(self, wish: Wish) -> None:
        """Give each candidate the mean of its shares; without any it has no score."""
        candidates = {id(candidate): candidate for candidate in self._candidates}
        for (place, judge), shares in self._scores.items():
            candidates[place].scores[judge] = fmean(shares) if shares else None
        for place, shares in self._labels.items():
            candidates[place].label = fmean(shares) if shares else None
        if self._scores:
            wish.understood.setdefault("scores", "the share of comparisons that the answer won")
        if self._labels:
            wish.understood.setdefault("labels", "the share of people who prefer the answer")
