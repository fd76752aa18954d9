"""The candidates of kept requests as training data sees them: by prompt, each text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from scipy.special import expit

from assay.aggregation import Floats
from assay.service.domain.labels import mean_label
from assay.service.domain.observation import Observation, RankedTexts, training_table
from assay.service.domain.score_keys import (
    SIZE,
    candidate_of_key,
    hash_candidate,
    query_of_key,
)
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.judged import judged_rows, with_vetoes
from assay.service.scoring.request import EnsembleMember


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCandidate:
    """A candidate without its text.

    `label`: by people, in [0, 1]. `score`: the model's log-odds. `judged`: whether a verifier that
    speaks of correctness scored it. `probability`: the model's P(correct), if it has one. `chance`:
    the P(correct) that decides: the label, or the probability of an unlabelled candidate. Each is
    None where it is not known.
    """

    key: str
    label: float | None
    score: float | None
    judged: bool
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


@dataclass(frozen=True, slots=True)
class ModelReading:
    """What a model makes of a candidate: its log-odds, and whether they speak of correctness."""

    score: float | None
    judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReading:
    """How candidates are read: by a served version, the ensemble's members, and labels.

    `fingerprints`: of the members. `uncalibrated`: take the log-odds for probabilities where they
    only order.
    """

    served: ServedVersion
    members: Sequence[EnsembleMember]
    fingerprints: Sequence[int]
    labels: Mapping[str, float]
    uncalibrated: bool = False

    def read(self, raw: Floats) -> Iterator[ModelReading]:
        """Yield what the model makes of each candidate of a query, from their scores."""
        model = self.served.model
        combined = model.combine(raw, alone=len(raw) == 1)
        if not model.calibrated:  # as in an answer
            combined = with_vetoes(combined, self.members, raw)
        judged = judged_rows(self.members, raw, model.ignored, combined)
        for log_odds, is_judged in zip(combined.log_odds, judged, strict=True):
            yield ModelReading(float(log_odds) if np.isfinite(log_odds) else None, bool(is_judged))

    def candidate(self, keys: Sequence[str], reading: ModelReading) -> ExportCandidate:
        """Return a candidate that has these keys; a labelled one, or else the first, shows its
        text.
        """
        labels = [self.labels[key] for key in keys if key in self.labels]
        label = mean_label(labels) if labels else None
        rated = self.served.model.calibrated or self.served.model.base_rate_stated
        number = (
            float(expit(reading.score)) if reading.score is not None and reading.judged else None
        )
        chance = number if rated or self.uncalibrated else None
        return ExportCandidate(
            key=next((key for key in keys if key in self.labels), keys[0]),
            label=label,
            score=reading.score,
            judged=reading.judged,
            probability=number if rated else None,
            chance=chance if label is None else label,
        )


def by_prompt(
    traffic: KeptTraffic, reading: ExportReading
) -> Iterator[tuple[list[ExportCandidate], int]]:
    """Yield each prompt's candidates, best first, and how many had a text that came before.

    Requests of one prompt are one, also where their references differ. Candidates of one text are
    one: their labels count together, and the last score stands.
    """
    prompts: dict[str, dict[str, list[tuple[str, ModelReading]]]] = {}
    for key, of_model in _read(traffic.records, reading):
        texts = prompts.setdefault(traffic.prompt_of(key), {})
        texts.setdefault(traffic.text_of(key), []).append((key, of_model))
    for texts in prompts.values():
        candidates = [
            reading.candidate(
                [key for key, _ in same],
                next(
                    (of_model for _, of_model in reversed(same) if of_model.score is not None),
                    same[0][1],
                ),
            )
            for same in texts.values()
        ]
        repeated = sum(map(len, texts.values())) - len(texts)
        yield sorted(candidates, key=lambda candidate: candidate.place, reverse=True), repeated


def _read(
    records: Sequence[Observation], reading: ExportReading
) -> Iterator[tuple[str, ModelReading]]:
    """Yield each candidate's key with what the model makes of it, query by query."""
    if not records:
        return
    table = training_table(records, reading.fingerprints)
    starts = np.flatnonzero(np.diff(table.query)) + 1
    for rows in np.split(np.arange(len(table.keys)), starts):
        for row, of_model in zip(rows, reading.read(table.scores[rows]), strict=True):
            yield table.keys[row], of_model
