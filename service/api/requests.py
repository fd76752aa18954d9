"""The requests of our own API, checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from assay.service.config.settings import ServiceSettings
from assay.service.domain.cascade_savings import Policy
from assay.service.domain.reward_runs import RUN_NAME, PartialRewards, RewardKind
from assay.service.domain.uncalibrated import StatedUncalibrated
from assay.verifiers import Message, Query

MAX_MESSAGES = 1000
MAX_TESTS = 200
MAX_KNOWN_CHARS = 65_536
#: A version's number has at most 16 digits.
MOST_VERSION = 10**16


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChatMessage(_Request):
    """One turn of the conversation that the candidates answer."""

    role: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z_]+$")]
    content: str

    def turn(self) -> Message:
        """Return the turn."""
        return Message(self.role, self.content)


class CandidateIn(_Request):
    """A candidate with a name of the client's own."""

    text: str
    id: Annotated[str, Field(min_length=1, max_length=256)] | None = None


def not_a_truth(value: Any) -> Any:
    """Return a number as it came; raise for true and false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "Input should be a number")
    return value


#: Numbers of a request: a true or false in their place is a mistake that would otherwise count as 1
#: or 0.
Whole = Annotated[int, BeforeValidator(not_a_truth)]
Real = Annotated[float, BeforeValidator(not_a_truth)]


def version_name(value: Any) -> Any:
    """Return a version's number as its name, as a URL states it; anything else as it came."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number and 0 <= value < MOST_VERSION else value


class BudgetIn(_Request):
    """The budget for new scores: cost in the configuration's units, tokens (estimated), calls."""

    cost: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None
    tokens: Annotated[Whole, Field(ge=0)] | None = None
    calls: Annotated[Whole, Field(ge=0)] | None = None


def not_too_many(value: Any, info: ValidationInfo) -> Any:
    """Return a list unchanged; raise if it is too long, before its items are parsed."""
    if isinstance(value, list):
        _at_most(len(value), _limits(info).max_candidates, info.field_name or "input")
    return value


#: What is scored: counted before it is looked at, and looked at until the first problem.
Counted = BeforeValidator(not_too_many)
FAST = Field(fail_fast=True)
Messages = Annotated[
    list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)
]
#: The checks say the same; this is for readers of the document.
ONE_OF: dict[str, Any] = {"oneOf": [{"required": ["query"]}, {"required": ["messages"]}]}
Reference = Annotated[
    str,
    Field(
        max_length=MAX_KNOWN_CHARS,
        description="A right answer, for verifiers that compare with one.",
    ),
]
Tests = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_KNOWN_CHARS)]],
    Field(
        max_length=MAX_TESTS,
        fail_fast=True,
        description="Python statements that hold of a right answer's code, one test each.",
    ),
]


class RunFields(BaseModel):
    """The options of a run, in a body."""

    run: Annotated[
        str | None,
        Field(
            pattern=RUN_NAME,
            description="A trainer's run: one version answers all of it, and it teaches nothing.",
        ),
    ] = None
    version: Annotated[
        Annotated[str, Field(max_length=128)] | None,
        BeforeValidator(version_name),
        Field(description="The version that answers: `math@3`, or its number."),
    ] = None
    learn: Annotated[
        bool | None,
        Field(description="Whether the task learns from it; default: true, false in a run."),
    ] = None
    reward: Annotated[
        RewardKind | None, Field(description="Adds `reward` to each result, of this kind.")
    ] = None
    partial: Annotated[
        PartialRewards | None,
        Field(description="refuse: 503 instead of an answer that lacks a failed verifier."),
    ] = None


class _Scoring(_Request, RunFields):
    task: Annotated[str, Field(max_length=64)] = "default"
    ensemble: Annotated[str, Field(max_length=64)] | None = None
    deadline_ms: Annotated[Whole, Field(ge=1, le=3_600_000)] | None = None
    budget: BudgetIn | None = None
    explain: bool = False
    uncalibrated: Annotated[
        StatedUncalibrated,
        Field(
            description=(
                "`probability` before the task is calibrated or states a base rate: null, or"
                " number for one that only orders."
            )
        ),
    ] = None


class RankRequest(_Scoring):
    """A query and the candidates to rank."""

    model_config = ConfigDict(json_schema_extra=ONE_OF)

    query: str | None = None
    messages: Messages | None = None
    candidates: Annotated[list[str | CandidateIn], Field(min_length=1, fail_fast=True), Counted]
    reference: Reference | None = None
    tests: Tests = Field(default_factory=list)
    top_n: Annotated[Whole, Field(ge=1)] | None = None
    confidence: Annotated[Real, Field(gt=0, lt=1)] | None = None
    policy: Policy | None = None
    stream: bool = False

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        _one_of(self.query, self.messages, "query")
        if self.policy == "full" and self.confidence is not None:
            message = "policy full calls all verifiers at once, without a tier to stop at"
            raise problem("confidence", message, "not_with_policy")
        settings = _limits(info)
        places_by_id: dict[str, int] = {}
        for place, candidate in enumerate(self.candidates):
            text, name = (
                (candidate, None) if isinstance(candidate, str) else (candidate.text, candidate.id)
            )
            _short_enough(text, settings, f"candidates.{place}")
            if name is not None and places_by_id.setdefault(name, place) != place:
                raise problem(
                    f"candidates.{place}.id",
                    f"{name!r} is also the id of candidate {places_by_id[name]}",
                    "duplicate_id",
                )
        return self

    def conversation(self) -> Query:
        """Return the conversation that the candidates answer."""
        return _conversation(self)


class PairIn(_Request):
    """A query with one answer to it."""

    model_config = ConfigDict(json_schema_extra=ONE_OF)

    query: str | None = None
    messages: Messages | None = None
    candidate: str
    reference: Reference | None = None
    tests: Tests = Field(default_factory=list)

    def conversation(self) -> Query:
        """Return the conversation that the candidate answers."""
        return _conversation(self)


class ScorePairsRequest(_Scoring):
    """Pairs to score one by one."""

    pairs: Annotated[list[PairIn], Field(min_length=1, fail_fast=True), Counted]

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        settings = _limits(info)
        for place, pair in enumerate(self.pairs):
            _one_of(pair.query, pair.messages, f"pairs.{place}.query")
            _short_enough(pair.candidate, settings, f"pairs.{place}.candidate")
        return self


def _one_of(query: str | None, messages: list[ChatMessage] | None, field: str) -> None:
    if (query is None) == (messages is None):
        raise problem(field, "give either `query` or `messages`", "one_of")


def _conversation(payload: RankRequest | PairIn) -> Query:
    if payload.messages is None:
        return Query.of(payload.query or "", payload.reference, tuple(payload.tests))
    return Query(
        tuple(message.turn() for message in payload.messages),
        payload.reference,
        tuple(payload.tests),
    )


def problem(
    param: str, message: str, code: str, kind: Literal["invalid", "too_large"] = "invalid"
) -> PydanticCustomError:
    """Return an error that names its field itself; `too_large` is answered with 413."""
    # Braces would be read as places to fill in.
    return PydanticCustomError(
        kind, message.replace("{", "(").replace("}", ")"), {"param": param, "code": code}
    )


def _limits(info: ValidationInfo) -> ServiceSettings:
    return info.context if isinstance(info.context, ServiceSettings) else ServiceSettings()


def _at_most(count: int, limit: int, field: str) -> None:
    if count > limit:
        raise problem(
            field, f"{count} are more than the {limit} that a request may have", "too_many"
        )


def _short_enough(text: str, settings: ServiceSettings, field: str) -> None:
    limit = settings.max_candidate_bytes
    # A character is at most four bytes: most texts need no counting.
    if len(text) * 4 > limit and (size := len(text.encode())) > limit:
        raise problem(
            field,
            f"{size} bytes are more than the {limit} that a candidate may have",
            "too_long",
            "too_large",
        )
