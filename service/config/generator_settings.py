"""How a gateway's upstream is named and asked."""

from __future__ import annotations

from typing import Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field

from assay.verifiers.contract.settings import Name


class UpstreamSettings(BaseModel):
    """A server of a model whose answers are ranked, and how many are drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="The `model` that clients request.")
    endpoint: AnyHttpUrl = Field(description="Base URL of the server, without /v1.")
    model: str = Field(min_length=1, description="The model's name on the server.")
    api_key_env: str | None = Field(
        None, description="Environment variable that holds the server's API key."
    )
    task: str = Field("default", description="Task that ranks its answers.")
    candidates: int = Field(
        8, ge=1, le=256, description="Candidates drawn for a request that says nothing else."
    )
    max_candidates: int = Field(
        64, ge=1, le=1024, description="Most candidates that a request may ask for."
    )
    draws: Literal["together", "apart"] = Field(
        "together",
        description=(
            "`together`: one call with n; `apart`: a call a candidate, for servers without n."
        ),
    )
    timeout_s: float = Field(300.0, gt=0, le=3600, description="Longest wait for the server.")
