"""A chat completion as it is sent, with our options, checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.service.api.compat.common import (
    CompatRequest,
    TurnIn,
)
from assay.service.api.requests import MAX_MESSAGES, Real, Whole
from assay.service.domain.uncalibrated import StatedUncalibrated

#: Ours, or read by us: everything else is the upstream's.
OUR_FIELDS = ("assay", "model", "n", "stream", "stream_options")


class DrawBudgetIn(BaseModel):
    """The budget of a draw."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: Annotated[Whole, Field(ge=1)] | None = None
    seconds: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None


class OptionsIn(BaseModel):
    """Our options, which the client sends as `extra_body={"assay": {...}}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: Annotated[Whole, Field(ge=1)] | None = None
    at_most: Annotated[Whole, Field(ge=1)] | None = None
    confidence: Annotated[Real, Field(gt=0, lt=1)] | None = None
    round: Annotated[Whole, Field(ge=1)] | None = None
    budget: DrawBudgetIn = Field(default_factory=DrawBudgetIn)
    select: Literal["best", "weighted_majority"] = "best"
    task: Annotated[str, Field(max_length=64)] | None = None
    reference: Annotated[str, Field(max_length=65_536)] | None = None
    explain: bool = True
    uncalibrated: StatedUncalibrated = None


class ChatRequest(CompatRequest):
    """A chat completion; fields that are not listed are passed on to the upstream."""

    model_config = ConfigDict(extra="allow", frozen=True)

    messages: Annotated[list[TurnIn], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)]
    n: Annotated[Whole, Field(ge=1, le=256)] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    assay: OptionsIn = Field(default_factory=OptionsIn)
