"""The shape of a model."""

from __future__ import annotations

from assay.verifiers.contract.model_shape import KV_BYTES, ModelShape

SHAPE = ModelShape(layers=32, heads=32, kv_heads=8, head_dim=128)


def test_the_cache_of_a_token_is_split_by_heads() -> None:
    """Keys and values of each layer; a KV head is never split."""
    assert SHAPE.kv_bytes_per_token() == 2 * 32 * 8 * 128 * KV_BYTES
    assert SHAPE.kv_bytes_per_token(8) == 2 * 32 * 128 * KV_BYTES
    assert SHAPE.kv_bytes_per_token(16) == SHAPE.kv_bytes_per_token(8)


def test_heads_divide_among_gpus_or_do_not() -> None:
    """KV heads may be copied, and an encoder has none."""
    assert [SHAPE.splits_over(gpus) for gpus in (1, 3, 8, 16)] == [True, False, True, True]
    assert not ModelShape(layers=1, heads=12, kv_heads=8, head_dim=64).splits_over(3)
    assert ModelShape(layers=1, heads=12, kv_heads=0, head_dim=64).splits_over(3)
