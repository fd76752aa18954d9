"""The candidates of kept requests as training data sees them: by prompt, each text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from scipy.special import expit

from assay.service.domain.observation import Observation, RankedTexts, training_table
from assay.service.domain.score_keys import (
    SIZE,
    candidate_of_key,
    hash_candidate,
    query_of_key,
)
from assay.service.learning.tasks.served_version import ServedVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCandidate:
    """A candidate without its text.

    `label`: by people, in [0, 1]. `score`: the model's log-odds. `probability`: the model's
    P(correct), if it has one. `chance`: the P(correct) that decides: the label where there is one,
    else the probability. Each is None where it is not known.
    """

    key: str
    label: float | None
    score: float | None
    probability: float | None
    chance: float | None

    @property
    def place(self) -> tuple[float, float]:
        """Return its place in the order; candidates without a chance come last."""
        return (-1.0 if self.chance is None else self.chance, self.score or 0.0)


class KeptTraffic:
    """Kept requests, read page by page: their scores, and what is the same, without the texts.

    `records`: those with texts. `without_texts`: how many have none. `conversations`: the queries
    that are more than one user's turn.
    """

    def __init__(self) -> None:
        self.records: list[Observation] = []
        self.without_texts = 0
        self.conversations: set[str] = set()
        self._prompts: dict[str, str] = {}  # by query: it has a reference and tests as well
        self._trimmed: dict[str, str] = {}  # by candidate

    def add(self, records: Iterable[Observation]) -> None:
        """Note some requests."""
        for record in records:
            if record.texts is None:
                self.without_texts += 1
                continue
            self.records.append(record.without_texts())
            self._prompts[record.query] = _prompt(record.texts)
            if record.texts.messages:
                self.conversations.add(record.query)
            for candidate, text in record.texts.candidates.items():
                if (trimmed := text.strip()) != text:
                    self._trimmed[candidate] = hash_candidate(trimmed)

    @property
    def repeated_prompts(self) -> int:
        """Return how many requests had a prompt that another one has."""
        return len(self.records) - len(set(self._prompts.values()))

    def prompt_of(self, key: str) -> str:
        """Return a name that candidates of one prompt share."""
        return self._prompts[query_of_key(key)]

    def text_of(self, key: str) -> str:
        """Return a name that candidates share whose texts differ by outer blanks at most."""
        return self._trimmed.get(candidate_of_key(key), candidate_of_key(key))


def _prompt(texts: RankedTexts) -> str:
    state = blake2b(digest_size=SIZE)
    for message in texts.turns:
        for part in (message.role.encode(), message.content.encode()):
            state.update(b"%d:" % len(part) + part)
    return state.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReading:
    """How candidates are read: by a served version, its verifiers' fingerprints, and labels.

    `calibrated`: whether the version's probabilities are chances. `uncalibrated`: use them in spite
    of that.
    """

    served: ServedVersion
    fingerprints: Sequence[int]
    labels: Mapping[str, float]
    calibrated: bool
    uncalibrated: bool = False

    def candidate(self, keys: Sequence[str], log_odds: float | None) -> ExportCandidate:
        """Return a candidate that has these keys; a labelled one, or else the first, shows its
        text.
        """
        labels = [self.labels[key] for key in keys if key in self.labels]
        label = float(np.mean(labels)) if labels else None
        read = None if log_odds is None else float(expit(log_odds))
        chance = read if self.calibrated or self.uncalibrated else None
        return ExportCandidate(
            key=next((key for key in keys if key in self.labels), keys[0]),
            label=label,
            score=log_odds,
            probability=read if self.calibrated else None,
            chance=chance if label is None else label,
        )


def by_prompt(
    traffic: KeptTraffic, reading: ExportReading
) -> Iterator[tuple[list[ExportCandidate], int]]:
    """Yield each prompt's candidates, best first, and how many had a text that came before.

    Requests of one prompt are one, also where their references differ. Candidates of one text are
    one: their labels count together, and the last score stands.
    """
    prompts: dict[str, dict[str, list[tuple[str, float | None]]]] = {}
    for key, log_odds in _scored(traffic.records, reading):
        texts = prompts.setdefault(traffic.prompt_of(key), {})
        texts.setdefault(traffic.text_of(key), []).append((key, log_odds))
    for texts in prompts.values():
        candidates = [
            reading.candidate(
                [key for key, _ in same],
                next((score for _, score in reversed(same) if score is not None), None),
            )
            for same in texts.values()
        ]
        repeated = sum(map(len, texts.values())) - len(texts)
        yield sorted(candidates, key=lambda candidate: candidate.place, reverse=True), repeated


def _scored(
    records: Sequence[Observation], reading: ExportReading
) -> Iterator[tuple[str, float | None]]:
    """Yield each candidate's key and log-odds, query by query; None without a score."""
    if not records:
        return
    table = training_table(records, reading.fingerprints)
    starts = np.flatnonzero(np.diff(table.query)) + 1
    for rows in np.split(np.arange(len(table.keys)), starts):
        combined = reading.served.model.combine(table.scores[rows], alone=len(rows) == 1)
        for row, log_odds in zip(rows, combined.log_odds, strict=True):
            yield table.keys[row], float(log_odds) if np.isfinite(log_odds) else None
