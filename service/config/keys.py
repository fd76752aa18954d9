"""The keys that clients may send, as a configuration states them."""

from __future__ import annotations

from typing import Annotated

import limits
from pydantic import BaseModel, ConfigDict, Field, field_validator

from assay.service.domain.principal import Scope
from assay.verifiers import Priority
from assay.verifiers.contract.settings import Name


class KeySettings(BaseModel):
    """A client's key: its hash, its scopes, and its tasks; `assay key NAME` makes one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="Its name in the log.")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the key, in hexadecimal."
    )
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = Field(
        ("rank",),
        description=(
            "rank: score, and list models and tasks; label: send labels, and draw candidates to"
            " label; admin: all else."
        ),
    )
    tasks: tuple[Name, ...] | None = Field(
        None, description="The tasks that the key may use; default: all. It sees no other task."
    )
    requests: str | None = Field(
        None, description="Requests that it may make, such as 600/minute; default: any number."
    )
    cost: str | None = Field(
        None,
        description=(
            "Cost that it may cause, such as 1000/day, in the verifiers' units; default: any."
        ),
    )
    priority: Priority = Field(
        "interactive",
        description="`bulk` waits where interactive requests do; see X-Assay-Priority.",
    )

    learn: bool = Field(True, description="Whether tasks keep its requests, and learn from them.")

    @field_validator("requests", "cost")
    @classmethod
    def _is_a_limit(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                limits.parse(value)
            except ValueError:
                raise ValueError(
                    "must be a number of a time: 600/minute, 20 per 10 seconds, 1000/day"
                ) from None
        return value
