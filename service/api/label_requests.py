"""Labels as they are sent, checked."""

from __future__ import annotations

import time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.service.api.requests import Messages, Reference, Tests, problem
from assay.service.domain.score_keys import CANDIDATE_KEY, candidate_key, hash_candidate, hash_query
from assay.service.domain.stored_values import Label
from assay.verifiers import Query

#: Clocks of two machines may differ by so much; a label of a later time is a mistake, such as
#: milliseconds.
CLOCKS_APART_S = 300.0


class LabelIn(BaseModel):
    """A label of a candidate, named by its `key` from an answer or by its query and text.

    `random` states that the candidate was drawn at random to be labelled; Assay assumes nothing
    without it. `at`: the time of an older label, in seconds since 1970.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=CANDIDATE_KEY)] | None = None
    query: str | None = None
    messages: Messages | None = None
    reference: Reference | None = None
    tests: Tests = Field(default_factory=list)
    candidate: str | None = None
    correct: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    random: bool | None = None
    who: Annotated[str, Field(max_length=128)] | None = None
    at: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        texts = [
            name
            for name in ("query", "messages", "candidate", "reference", "tests")
            if name in self.model_fields_set
        ]
        if self.key is not None:
            if any(getattr(self, name) not in (None, []) for name in texts):
                raise problem(
                    "key", f"give either `key` or the texts, not both: {', '.join(texts)}", "one_of"
                )
        elif self.candidate is None or (self.query is None) == (self.messages is None):
            raise problem(
                "key", "give either `key`, or `candidate` with `query` or `messages`", "one_of"
            )
        if self.at is not None and self.at > time.time() + CLOCKS_APART_S:
            raise problem(
                "at", f"{self.at:.0f} lies in the future: it is seconds since 1970", "in_future"
            )
        return self

    def candidate_key(self) -> str:
        """Return the key of the candidate that is labelled."""
        if self.key is not None:
            return self.key
        if self.messages is None:
            query = Query.of(self.query or "", self.reference, tuple(self.tests))
        else:
            query = Query(
                tuple(message.turn() for message in self.messages),
                self.reference,
                tuple(self.tests),
            )
        return candidate_key(hash_query(query), hash_candidate(self.candidate or ""))

    def label(self, now: float) -> Label:
        """Return the label to keep; one without a time gets the present time."""
        return Label(
            self.correct, self.random, self.who, now if self.at is None else min(self.at, now)
        )


class LabelsIn(BaseModel):
    """Labels, together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[list[LabelIn], Field(min_length=1, max_length=10_000, fail_fast=True)]


class ExportedIn(BaseModel):
    """How many labels an export that is kept has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[int, Field(strict=True, ge=0, le=2**53)]
