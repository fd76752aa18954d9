"""Every option of the service, its default and its meaning; the only reader of the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from assay.service.config.keys import KeySettings
from assay.service.domain.hosts import checked_host
from assay.service.domain.uncalibrated import StatedUncalibrated
from assay.verifiers import Network
from assay.verifiers.http.network import FROM_ENVIRONMENT, Proxy

VARIABLE_PREFIX = "ASSAY_"


@dataclass(frozen=True, slots=True)
class FileContext:
    """What the checks of a configuration file need from rooms above this one.

    `check_store_url` raises `ValueError` for an address that the store's client cannot read: what
    it can read is for its library to say.
    """

    check_store_url: Callable[[str], object]


class ServiceSettings(BaseModel):
    """How the service runs.

    Flags win over `ASSAY_*`, those over the file's `service:`, that over the defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    admin_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description=(
            "A separate port for /metrics and the scope admin; else they share the first."
        ),
    )
    admin_host: str = Field("127.0.0.1", description="Address of that port.")
    workers: int = Field(1, ge=1, le=256, description="Worker processes; they share the store.")
    root_path: str = Field("", description="Path prefix that a proxy strips.")
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description=(
            "Names by which clients may reach it without a key, beside localhost and addresses:"
            " *.example.org, * for any."
        ),
    )
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("assay", appauthor=False)),
        description="Folder of the embedded store.",
    )
    redis_url: str | None = Field(
        None, description="Redis or Valkey server; an embedded one by default."
    )
    api_keys: tuple[SecretStr, ...] = Field(
        (), description="Keys that clients may send as `Authorization: Bearer`."
    )
    keys: tuple[KeySettings, ...] = Field((), description="Keys by hash, with scopes and tasks.")
    max_candidates: int = Field(4096, ge=1, description="Most candidates in a request.")
    max_candidate_bytes: int = Field(
        1 << 20, ge=1, description="Longest candidate, in bytes of UTF-8."
    )
    max_body_bytes: int = Field(32 << 20, ge=1, description="Longest request body.")
    max_active: int = Field(64, ge=1, description="Requests being scored at once, a worker.")
    max_queued: int = Field(
        128, ge=0, description="Requests waiting beyond those; more are refused with 429."
    )
    max_active_tokens: int | None = Field(
        None,
        ge=1,
        description=(
            "Tokens that models read at once for a worker's requests (estimated); more are refused"
            " with 429."
        ),
    )
    grace_s: int = Field(
        30,
        ge=0,
        le=3600,
        description="How long requests under way may take when the service is to end.",
    )
    deadline_ms: int = Field(60_000, ge=1, description="Deadline of a request that names none.")
    uncalibrated: StatedUncalibrated = Field(
        None,
        description=(
            "`probability` before a task is calibrated or states a base rate: null, or number for"
            " one that only orders; default: null, and number on routes whose form demands one."
        ),
    )
    cache_ttl_s: int = Field(30 * 86_400, ge=1, description="How long a score is remembered.")
    cache_max_mb: int = Field(
        512, ge=8, description="Memory of the embedded store; old scores go first."
    )
    breaker_failures: int = Field(
        5, ge=1, description="Failures in a row after which a verifier is left alone …"
    )
    breaker_reset_s: float = Field(
        5.0, gt=0, description="… for this long, before one call tries it again."
    )
    doctor: Literal["quick", "full", "off"] = Field(
        "quick",
        description="Examine the verifiers at the start, on 20 or on all 60 bundled probes.",
    )
    proxy: SecretStr | None = Field(
        None,
        description=(
            "Forward proxy to upstreams: http://[USER:PASSWORD@]HOST:PORT, or `env` for HTTP_PROXY"
            " and HTTPS_PROXY."
        ),
    )
    ca_file: Path | None = Field(
        None,
        description="Authorities (PEM) that upstreams' certificates may have besides the system's.",
    )
    client_cert: Path | None = Field(
        None, description="Certificate (PEM) that is shown to upstreams …"
    )
    client_key: Path | None = Field(
        None, description="… and its key, where that is a file of its own."
    )
    traces: str | None = Field(
        None,
        pattern="^https?://",
        description="OTLP collector, such as http://127.0.0.1:4318; extra otel.",
    )
    trace_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of requests that are traced, where the caller does not say.",
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
    log_json: bool = Field(False, description="Logs as JSON lines.")

    @field_validator("api_keys", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            [part.strip() for part in value.split(",") if part.strip()]
            if isinstance(value, str)
            else value
        )

    @field_validator("allowed_hosts")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_host(name) for name in value)

    @field_validator("doctor", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        return (
            {False: "off", True: "quick"}[value] if isinstance(value, bool) else value
        )  # as YAML reads a bare off

    @model_validator(mode="after")
    def _network_will_do(self) -> ServiceSettings:
        if self.client_key is not None and self.client_cert is None:
            raise ValueError("`client_key` needs `client_cert`")
        if self.proxy is not None and (url := self.proxy.get_secret_value()) != FROM_ENVIRONMENT:
            Proxy.of(url)
        if self.ca_file or self.client_cert:
            self.network.tls()
        return self

    @property
    def network(self) -> Network:
        """Return how upstreams are reached."""
        proxy = self.proxy.get_secret_value() if self.proxy is not None else None
        return Network(self.ca_file, self.client_cert, self.client_key, proxy)

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and isinstance(info.context, FileContext):
            info.context.check_store_url(value)
        return value


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of `ASSAY_*` variables by field name; other variables are ignored."""
    return {
        name: environ[VARIABLE_PREFIX + name.upper()]
        for name in ServiceSettings.model_fields
        if VARIABLE_PREFIX + name.upper() in environ
    }
