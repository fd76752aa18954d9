"""The shape of a model, which its KV cache and its split over GPUs follow from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

#: Bytes of a number in the KV cache.
KV_BYTES = 2


class ModelShape(BaseModel):
    """The numbers of layers, attention heads and KV heads (0: an encoder), and a head's size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    kv_heads: int = Field(ge=0)
    head_dim: int = Field(gt=0)

    def kv_bytes_per_token(self, tensor_parallel: int = 1) -> int:
        """Return the bytes that a token takes in the KV cache of each of so many GPUs.

        A KV head is not split.
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
