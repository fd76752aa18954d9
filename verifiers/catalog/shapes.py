"""The shapes of known models, which their KV cache and their split over GPUs follow from; the
data is `shapes.yaml`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

#: Bytes of a number in the KV cache.
KV_BYTES = 2


class Shape(BaseModel):
    """Layers, attention heads, KV heads (0: an encoder, which keeps no cache) and the size of a
    head.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    kv_heads: int = Field(ge=0)
    head_dim: int = Field(gt=0)

    def kv_bytes_per_token(self, tensor_parallel: int = 1) -> int:
        """Return the bytes that a token takes in the KV cache of each of so many GPUs; a KV head
        is not split.
        """
        heads = -(-self.kv_heads // tensor_parallel)
        return 2 * self.layers * heads * self.head_dim * KV_BYTES

    def splits_over(self, tensor_parallel: int) -> bool:
        """Return whether the attention heads divide among so many GPUs."""
        if self.heads % tensor_parallel:
            return False
        return self.kv_heads % tensor_parallel == 0 or (
            self.kv_heads > 0 and tensor_parallel % self.kv_heads == 0
        )


def shape_of(model: str) -> Shape | None:
    """Return the shape of a model by its name on the hub; None where it is not known."""
    name = model.lower()
    return next((shape for pattern, shape in _shapes() if pattern.search(name)), None)


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], Shape], ...]:
    data = yaml.safe_load(files(__package__).joinpath("shapes.yaml").read_text(encoding="utf-8"))
    return tuple(
        (re.compile(row.pop("match")), Shape.model_validate(row)) for row in data["shapes"]
    )
