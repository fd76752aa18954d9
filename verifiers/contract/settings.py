"""The part of the configuration that describes one verifier."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from assay.verifiers.contract.model_shape import ModelShape

About = Literal["correctness", "form", "relevance"]
"""What a verifier's scores speak of: whether the answer is right, how it looks, or its topic."""
Truncate = Literal["error", "head", "middle", "tail"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
"""A name for use in answers, metrics and keys."""


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise ValueError("must be a base URL such as http://127.0.0.1:8000")
    parts.port  # noqa: B018 - raises ValueError for one that is no port
    return value.rstrip("/")


EndpointUrl = Annotated[str, AfterValidator(_base_url)]


class VerifierSettings(BaseModel):
    """The settings of every kind of verifier."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
    #: What the kind speaks of, where the configuration does not say.
    kind_is_about: ClassVar[About] = "correctness"
    #: Whether the kind compares candidates with a stated reference or with tests.
    is_check: ClassVar[bool] = False
    #: Whether a score of 0 means that the candidate answers nothing, however good it looks.
    vetoes: ClassVar[bool] = False

    name: Name = Field(description="How answers, metrics and learned weights call it.")
    kind: str = Field(description="Its kind; docs/verifiers.md lists them.")
    family: str | None = Field(
        None,
        min_length=1,
        description="Verifiers that share errors share a family; default: the name before a colon.",
    )
    cost: float = Field(
        1.0,
        ge=0,
        allow_inf_nan=False,
        description="Cost of one candidate, in units of your choice.",
    )
    timeout_s: float = Field(
        30.0, gt=0, le=3600, description="Longest wait for one call, waiting for a place included."
    )
    concurrency: int = Field(128, ge=1, le=10_000, description="Calls at once.")
    batch_size: int = Field(64, ge=1, le=4096, description="Candidates in one call.")
    weight: float = Field(
        1.0, ge=0, allow_inf_nan=False, description="Factor on its weight in the average."
    )
    about: About | None = Field(
        None,
        description="What it speaks of: correctness, form or relevance; default: its kind's.",
    )
    quality: Annotated[float, Field(ge=0.5, le=1)] | Literal["low", "medium", "high"] | None = (
        Field(
            None,
            description=(
                "Its AUC against correctness, or low / medium / high, if you know it: weighs the"
                " average."
            ),
        )
    )

    @property
    def family_or_default(self) -> str:
        """Return the family; by default the name before its first colon."""
        return self.family or self.name.split(":", 1)[0]

    @property
    def speaks_of_correctness(self) -> bool:
        """Return whether a score says how far the candidate is right."""
        return (self.about or self.kind_is_about) == "correctness"

    @property
    def speaks_of_form(self) -> bool:
        """Return whether a score says only which form the candidate has."""
        return (self.about or self.kind_is_about) == "form"

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score, without names, places, limits and costs."""
        return self.model_dump(
            mode="json",
            exclude={*VerifierSettings.model_fields, "endpoints", "api_key_env", "retries"},
        )


class ServeSettings(BaseModel):
    """How `assay plan` and `assay up` serve a model; the catalogue fills in known values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str | None = Field(
        None, min_length=1, description="Name on the hub, or a folder; default: `model`."
    )
    flags: tuple[str, ...] = Field((), description="Further flags of `vllm serve`.")
    parameters: float | None = Field(None, gt=0, description="Billions of parameters.")
    bytes_per_parameter: float | None = Field(None, gt=0, description="2 for bf16, 1 for fp8.")
    shape: ModelShape | None = Field(
        None, description="Layers, heads, kv_heads and head_dim, as in its config.json."
    )
    tensor_parallel: int | None = Field(
        None, ge=1, description="GPUs that share it; default: as few as hold it."
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="Environment variables of its server."
    )


class ServedSettings(VerifierSettings):
    """A verifier whose model is served by vLLM, or by a server that speaks its forms."""

    model: str = Field(
        min_length=1, description="The model's name on the server (`GET /v1/models` lists it)."
    )
    revision: str | None = Field(
        None, description="Revision of the weights; a change makes old scores unknown."
    )
    endpoint: EndpointUrl | None = Field(None, description="Base URL of the server, without /v1.")
    endpoints: tuple[EndpointUrl, ...] = Field(
        (), description="Several servers of the same model, balanced."
    )
    api_key_env: str | None = Field(
        None, description="Environment variable that holds the server's API key."
    )
    retries: int = Field(2, ge=0, le=10, description="More tries after a transport error or a 5xx.")
    serve: ServeSettings | None = Field(
        None, description="How it is served, for `assay plan` and `assay up`."
    )
    max_chars: int | None = Field(
        None,
        ge=1,
        description="Shorten a candidate to this many characters; by default nothing is shortened.",
    )
    truncate: Truncate = Field(
        "error",
        description=(
            "The part to cut from a candidate that does not fit: head, middle or tail; `error`: no"
            " score."
        ),
    )

    @model_validator(mode="after")
    def _one_form_of_endpoint(self) -> ServedSettings:
        if bool(self.endpoint) == bool(self.endpoints):
            raise ValueError("give either `endpoint: URL` or `endpoints: [URL, …]`")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the base URLs, one or many."""
        return self.endpoints or (str(self.endpoint),)

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score, with model and revision, without endpoint."""
        parameters = super().scoring_parameters()
        parameters.pop("endpoint")
        parameters.pop("serve")
        return parameters
