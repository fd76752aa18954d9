"""The memory of each model's server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.service.planning.memory_estimate import (
    ACTIVATIONS,
    CUDA_GIB,
    SPLIT_GIB,
    Load,
    Server,
    servers_of,
)
from assay.service.runtime.configuration import load_config
from assay.verifiers.catalog.shapes import shape_of
from assay.verifiers.contract.model_shape import ModelShape
from tests.support.servers.processes import ENSEMBLES, write_config


def test_an_encoder_keeps_no_cache_and_a_kv_head_is_not_split() -> None:
    """So a split beyond the KV heads takes as much on each GPU."""
    [reranker] = [
        each
        for each in servers_of(load_config(ENSEMBLES / "small.yaml"))
        if each.name == "reranker"
    ]
    shape = shape_of("Qwen/Qwen2.5-7B-Instruct")

    assert reranker.kv_gib(Load(), 1) == 0
    assert shape is not None
    assert (
        shape.kv_bytes_per_token(4) == shape.kv_bytes_per_token(8) == shape.kv_bytes_per_token() / 4
    )


SHAPE = ModelShape(layers=32, heads=32, kv_heads=8, head_dim=128)


def server(**changes: Any) -> Server:
    """Return a server of a model of 16 GiB."""
    return replace(
        Server(
            name="s",
            verifiers=("v",),
            served_as="m",
            weights="m",
            program="vllm",
            port=9000,
            flags=(),
            environment={},
            weights_gib=16.0,
            shape=SHAPE,
            max_length=8192,
            tensor_parallel=None,
        ),
        **changes,
    )


def of(folder: Path, *verifiers: dict[str, Any]) -> list[Server]:
    """Return the servers of some verifiers, each called by its place."""
    listed = [{"name": f"v{place}", **each} for place, each in enumerate(verifiers)]
    return servers_of(load_config(write_config(folder / "e.yaml", {"verifiers": listed})))


JUDGE = {"kind": "judge", "model": "Qwen/Qwen3-8B", "endpoint": "http://127.0.0.1:9000"}


def test_a_cache_holds_the_load_but_one_full_sequence_at_least() -> None:
    """vLLM does not start with less."""
    one = server().kv_gib(Load(8192, 1), 1)

    assert one == 8192 * SHAPE.kv_bytes_per_token() / 2**30
    assert server().kv_gib(Load(16, 1), 1) == one
    assert server().kv_gib(Load(8192, 4), 1) == 4 * one
    assert server().kv_gib(Load(100_000, 4), 1) == 4 * one  # no sequence is longer than it takes


def test_a_split_shares_the_weights_and_costs_the_exchange() -> None:
    """Each GPU has CUDA's own memory, and activations grow with the weights."""
    load = Load()

    alone, split = (server().gib(load, gpus) - server().kv_gib(load, gpus) for gpus in (1, 2))

    assert alone == pytest.approx(16.0 + CUDA_GIB + 16.0 * ACTIVATIONS)
    assert split == pytest.approx(8.0 + CUDA_GIB + 8.0 * ACTIVATIONS + SPLIT_GIB)


@pytest.mark.parametrize(
    "changes",
    [{"program": "sidecar"}, {"shape": None}, {"shape": SHAPE.model_copy(update={"heads": 7})}],
)
def test_what_cannot_be_split_stays_on_one_gpu(changes: dict[str, Any]) -> None:
    """A sidecar, an unknown shape, heads that do not divide; one GPU always does."""
    assert server().splits_over(2)
    assert server(**changes).splits_over(1)
    assert not server(**changes).splits_over(2)


def test_the_split_is_the_plans_and_other_flags_stay(tmp_path: Path) -> None:
    """Also the longest prompt, the last that is stated."""
    flags = ["--tensor-parallel-size", "4", "--max-model-len", "100", "--max-model-len", "2000"]

    [one] = of(tmp_path, {**JUDGE, "serve": {"flags": flags}})

    assert "--tensor-parallel-size" not in one.flags
    assert one.flags[-2:] == ("--max-model-len", "2000")
    assert one.max_length == 2000


def test_servers_of_other_machines_are_none_of_ours(tmp_path: Path) -> None:
    """A name that is no loopback address is another machine's."""
    away = {**JUDGE, "endpoint": "http://models.example.org:9001"}
    here = {**JUDGE, "endpoint": "http://[::1]:9002"}

    assert [one.port for one in of(tmp_path, JUDGE, away, here)] == [9000, 9002]


def test_stated_sizes_win(tmp_path: Path) -> None:
    """Parameters and bytes of each, where the catalog knows others or none."""
    serve = {"parameters": 2.0, "bytes_per_parameter": 1}

    [stated] = of(tmp_path, {**JUDGE, "model": "mine", "serve": serve})
    [listed] = of(tmp_path, JUDGE)

    assert stated.weights_gib == pytest.approx(2.0 * 1e9 / 2**30)
    assert listed.weights_gib > 4 * stated.weights_gib
