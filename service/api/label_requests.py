"""Labels as they are sent, checked."""

from __future__ import annotations

import time
import unicodedata
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from assay.service.api.requests import Messages, Reference, Tests, problem
from assay.service.domain.labels import Label, annotator_name
from assay.service.domain.score_keys import CANDIDATE_KEY, candidate_key, hash_candidate, hash_query
from assay.verifiers import Query

#: Clocks of two machines may differ by so much; a label of a later time is a mistake, such as
#: milliseconds.
CLOCKS_APART_S = 300.0
MAX_COMMENT = 2000
#: Joiners that spell words of some languages.
JOINERS = "\u200c\u200d"


def _readable_name(who: str) -> str:
    """Return an annotator's name without what makes no other one; raise for what hides in it."""
    name = annotator_name(who) or ""
    hidden = [
        character
        for character in name
        if unicodedata.category(character) in ("Cc", "Cf") and character not in JOINERS
    ]
    if hidden:
        raise PydanticCustomError(
            "unreadable_name",
            "must be a name that can be read: it has the character {character}",
            {"character": f"U+{ord(hidden[0]):04X}"},
        )
    return name


Annotator = Annotated[
    str,
    Field(
        max_length=128,
        description="The annotator; blanks around the name and between its words make no other one."
        " Left out or empty: the unnamed one.",
    ),
]


class _NamedCandidate(BaseModel):
    """A candidate, named by its `key` from an answer, or by its query and text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=CANDIDATE_KEY)] | None = None
    query: str | None = None
    messages: Messages | None = None
    reference: Reference | None = None
    tests: Tests = Field(default_factory=list)
    candidate: str | None = None

    @model_validator(mode="after")
    def _check_name(self) -> Self:
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
        return self

    def candidate_key(self) -> str:
        """Return the key of the candidate."""
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


class LabelIn(_NamedCandidate):
    """A label of a candidate, named by its `key` from an answer or by its query and text.

    The texts must repeat all that the request had: `reference` and `tests` as well. `random` states
    that the candidate was drawn at random to be labelled; Assay assumes nothing without it. `at`:
    the time of an older label, in seconds since 1970.
    """

    correct: Annotated[
        float,
        Field(ge=0, le=1, allow_inf_nan=False, description="1, 0, or between for a soft label."),
    ]
    random: bool | None = None
    who: Annotated[Annotator, AfterValidator(_readable_name)] | None = None
    at: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] | None = None

    @model_validator(mode="after")
    def _check_time(self) -> Self:
        if self.at is not None and self.at > time.time() + CLOCKS_APART_S:
            raise problem(
                "at", f"{self.at:.0f} lies in the future: it is seconds since 1970", "in_future"
            )
        return self

    def label(self, now: float) -> Label:
        """Return the label to keep; one without a time gets the present time."""
        at = now if self.at is None else min(self.at, now)
        return Label(self.correct, self.random, self.who or None, at, self.comment or None)


class LabelsIn(BaseModel):
    """Labels, together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[list[LabelIn], Field(min_length=1, max_length=10_000, fail_fast=True)]


class WithdrawalIn(_NamedCandidate):
    """A label to withdraw: of one annotator (empty: the unnamed one), or of all (left out)."""

    who: Annotator | None = None


class WithdrawalsIn(BaseModel):
    """Labels to withdraw, together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[list[WithdrawalIn], Field(min_length=1, max_length=10_000, fail_fast=True)]


class ExportedIn(BaseModel):
    """How many labels an export that is kept has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[int, Field(strict=True, ge=0, le=2**53)]
