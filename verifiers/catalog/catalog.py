"""Known models, and how each is served correctly; the data is `catalog.yaml`."""

from __future__ import annotations

import math
import shlex
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

GIB_PER_BILLION_BYTES = 1e9 / 2**30
#: GiB beside the weights: activations, CUDA's own, and a KV cache for a few long prompts.
BESIDE_WEIGHTS = 4.0


class Golden(BaseModel):
    """Published scores of published candidates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: str
    candidates: tuple[str, ...]
    scores: tuple[float, ...]
    tolerance: float = Field(gt=0)


class Entry(BaseModel):
    """One model."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = Field(
        pattern=r"^[\w.-]+/[\w.-]+$",
        description="Its name on the hub, which is also vLLM's default name for it.",
    )
    kind: str
    settings: dict[str, Any] = Field(default_factory=dict)
    requires: dict[str, str] = Field(default_factory=dict)
    server: Literal["vllm", "sidecar", "none"] = "vllm"
    flags: tuple[str, ...] = ()
    parameters: float = Field(gt=0, description="Billions.")
    bytes_per_parameter: float = Field(2, gt=0)
    context: int | None = Field(None, gt=0, description="Tokens that it was made for.")
    score: str
    licence: str
    accuracy: dict[str, float] = Field(default_factory=dict)
    source: str | None = None
    floor: float | None = Field(None, ge=0.5, le=1)
    golden: Golden | None = None
    sets: tuple[str, ...] = ()
    notes: str = ""

    @property
    def gpu_gib(self) -> int:
        """Return about how much GPU memory it needs, in GiB: the weights, and 4 GiB beside them."""
        return math.ceil(
            self.parameters * self.bytes_per_parameter * GIB_PER_BILLION_BYTES + BESIDE_WEIGHTS
        )

    @property
    def command(self) -> str | None:
        """Return the command that serves it; None if nothing here can."""
        words = {"vllm": ["vllm", "serve"], "sidecar": ["assay", "sidecar"], "none": None}[
            self.server
        ]
        return None if words is None else shlex.join([*words, self.model, *self.flags])

    def defaults(self) -> dict[str, Any]:
        """Return the entry of `use: NAME` as part of a configuration."""
        return {"kind": self.kind, "model": self.model, **self.settings}


@cache
def catalog() -> dict[str, Entry]:
    """Return the entries by name."""
    data = yaml.safe_load(files(__package__).joinpath("catalog.yaml").read_text(encoding="utf-8"))
    return {name: Entry.model_validate(entry) for name, entry in data["models"].items()}


def entry_of(model: str, kind: str) -> Entry | None:
    """Return the entry of a model by its name on the hub and its kind."""
    return next(
        (entry for entry in catalog().values() if entry.model == model and entry.kind == kind), None
    )
