"""Which GPU serves which model, and the files that say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.service.domain.errors import StartupError
from assay.service.planning.gpus import parse_gpus
from assay.service.planning.memory_estimate import Load, Server, servers_of
from assay.service.planning.placement import USABLE, DoesNotFitError, Plan, place
from assay.service.runtime.configuration import load_config
from assay.verifiers.catalog.catalog import catalog
from assay.verifiers.catalog.shapes import shape_of
from assay.verifiers.contract.model_shape import ModelShape
from tests.benchmarks.gpu.ensemble import configured
from tests.support.servers.processes import ENSEMBLES, write_config

BIG, SMALL = "llama-3.3-70b-instruct", "skywork-reward-v2-qwen3-0.6b"
#: What the GPU benchmark's models of random weights stand for.
LIKE = {
    "judge": "Qwen/Qwen3-8B",
    "reward": "Skywork/Skywork-Reward-V2-Qwen3-8B",
    "prm": "Qwen/Qwen2.5-Math-PRM-7B",
}


def planned(folder: Path, gpus: str, *verifiers: dict[str, Any], load: Load | None = None) -> Plan:
    """Return the plan of some verifiers, each at a port of its own where it names none."""
    listed = [
        {"name": f"v{place}", "endpoint": f"http://127.0.0.1:{9000 + place}", **each}
        for place, each in enumerate(verifiers)
    ]
    listed = [{key: value for key, value in each.items() if value is not None} for each in listed]
    plan = place(
        servers_of(load_config(write_config(folder / "e.yaml", {"verifiers": listed}))),
        parse_gpus(gpus),
        load or Load(),
    )
    check(plan)
    return plan


def check(plan: Plan) -> None:
    """Check that no GPU serves twice, and that each server has enough memory."""
    for gpu in plan.gpus:
        assert sum(each.share for each in plan.placed if gpu in each.gpus) <= USABLE + 1e-6
    for each in plan.placed:
        assert len(set(each.gpus)) == each.tensor_parallel
        assert each.server.splits_over(each.tensor_parallel)
        assert all(each.share * gpu.gib >= each.gib - 1e-6 for gpu in each.gpus)


def where(plan: Plan) -> dict[str, list[int]]:
    """Return each server's GPUs."""
    return {each.server.name: [gpu.number for gpu in each.gpus] for each in plan.placed}


@pytest.mark.parametrize(
    ("ensemble", "gpus", "count"),
    [
        ("small", "1xL4-24G", 3), ("h200", "1xH200-141G", 5), ("h200", "2xH100-80G", 5), ("served", "2xH100-80G", 5),
        ("weaver-8b", "4xH100-80G", 14), ("weaver-70b", "24xH200-141G", 12),
    ],
)  # fmt: skip
def test_the_ready_made_ensembles_fit_what_they_are_made_for(
    ensemble: str, gpus: str, count: int
) -> None:
    """Every server once, none beyond its GPU."""
    plan = place(servers_of(load_config(ENSEMBLES / f"{ensemble}.yaml")), parse_gpus(gpus), Load())

    check(plan)
    assert len(plan.placed) == count


def test_one_card_of_24_gb_holds_two_small_models(tmp_path: Path) -> None:
    """In one start order, and the caches share the rest."""
    plan = planned(tmp_path, "1xL4-24G", {"use": SMALL}, {"use": "skywork-reward-v2-qwen3-4b"})

    assert where(plan) == {"v1": [0], "v0": [0]}
    assert sum(each.share for each in plan.placed) > 0.85


def test_a_model_takes_as_few_gpus_as_hold_it(tmp_path: Path) -> None:
    """70B in bf16: two of 141 GB, four of 80 GB, eight of 40 GB; more of them where more is
    asked for at once.
    """
    assert planned(tmp_path, "8xH200-141G", {"use": BIG}).placed[0].tensor_parallel == 2
    assert planned(tmp_path, "8xA100-80G", {"use": BIG}).placed[0].tensor_parallel == 4
    assert planned(tmp_path, "8xA100-40G", {"use": BIG}).placed[0].tensor_parallel == 8
    assert (
        planned(tmp_path, "8xH200-141G", {"use": BIG}, load=Load(16384, 32))
        .placed[0]
        .tensor_parallel
        == 4
    )


def test_what_is_too_large_is_refused_with_what_is_missing_and_what_would_do(
    tmp_path: Path,
) -> None:
    """In GiB."""
    with pytest.raises(
        DoesNotFitError,
        match=r"v0 \(meta-llama/Llama-3.3-70B-Instruct\) does not fit: .* GiB are missing; by itself it fits",
    ):
        planned(tmp_path, "1xL4-24G", {"use": BIG})
    with pytest.raises(DoesNotFitError, match="beside v0"):
        planned(tmp_path, "1xL4-24G", *[{"use": "skywork-reward-v2-qwen3-4b"}] * 3)


def test_mixed_cards_are_used_for_what_fits_them(tmp_path: Path) -> None:
    """The large model on the large card; a model is never split over two kinds."""
    plan = planned(tmp_path, "1xL4-24G,1xH200-141G,1xL4-24G", {"use": "qwq-32b"}, {"use": SMALL})

    assert where(plan)["v0"] == [1]
    assert where(plan)["v1"] in ([0], [2])
    with pytest.raises(DoesNotFitError):
        planned(tmp_path, "1xA100-40G,1xL40S-48G", {"use": "qwq-32b"})


def test_fp8_takes_half(tmp_path: Path) -> None:
    """30B: one card of 48 GB in fp8, two in bf16."""
    model = {
        "kind": "judge",
        "model": "Qwen/Qwen3-30B-A3B-Instruct-2507",
        "serve": {"parameters": 30.5},
    }
    fp8 = {**model, "serve": {"parameters": 30.5, "bytes_per_parameter": 1}}

    assert planned(tmp_path, "4xL40S-48G", fp8).placed[0].tensor_parallel == 1
    assert planned(tmp_path, "4xL40S-48G", model).placed[0].tensor_parallel == 2


def test_heads_that_do_not_divide_are_not_split(tmp_path: Path) -> None:
    """28 heads over 8 GPUs: an explicit request is an error, and a plan passes over it."""
    with pytest.raises(
        DoesNotFitError, match="cannot be split over 8 GPUs: 28 attention heads and 4 KV heads"
    ):
        planned(
            tmp_path, "8xL4-24G", {"use": "qwen2.5-7b-instruct", "serve": {"tensor_parallel": 8}}
        )
    assert (
        planned(tmp_path, "8xT4-12G", {"use": "qwen2.5-7b-instruct"}).placed[0].tensor_parallel == 2
    )
    assert not ModelShape(layers=1, heads=40, kv_heads=8, head_dim=1).splits_over(16)


def test_a_longer_load_needs_a_larger_cache(tmp_path: Path) -> None:
    """The same model, the same card."""
    model = {"use": "skywork-reward-v2-qwen3-8b"}
    assert planned(tmp_path, "1xL4-24G", model, load=Load(1024, 4)).placed
    with pytest.raises(DoesNotFitError):
        planned(tmp_path, "1xL4-24G", model, load=Load(16384, 16))


def test_a_server_is_counted_once_and_each_replica_by_itself(tmp_path: Path) -> None:
    """Two verifiers of one server; one verifier of two; one that is elsewhere, and one that
    needs none.
    """
    judge = {"kind": "judge", "model": "Qwen/Qwen3-8B", "endpoint": "http://127.0.0.1:9000"}
    two = {
        "use": SMALL,
        "endpoint": None,
        "endpoints": ["http://127.0.0.1:9001", "http://localhost:9002"],
    }
    away = {"kind": "judge", "model": "gpt", "endpoint": "http://10.0.0.7:8000"}

    plan = planned(
        tmp_path,
        "1xH100-80G",
        judge,
        {**judge, "kind": "judge_cot"},
        two,
        away,
        {"kind": "length", "endpoint": None},
    )

    assert sorted(each.server.port for each in plan.placed) == [9000, 9001, 9002]
    assert next(each.server.verifiers for each in plan.placed if each.server.port == 9000) == (
        "v0",
        "v1",
    )


@pytest.mark.parametrize(
    ("verifiers", "message"),
    [
        ([{"kind": "judge", "model": "mine"}], "the size of mine is not known"),
        (
            [{"use": SMALL}, {"use": "qwen3-8b", "endpoint": "http://127.0.0.1:9000"}],
            "port 9000 is both",
        ),
        (
            [{"kind": "length", "endpoint": None}],
            "no verifier of this configuration asks a model server",
        ),
    ],
)
def test_what_cannot_be_planned_is_said(
    tmp_path: Path, verifiers: list[dict[str, Any]], message: str
) -> None:
    """A size, a port, nothing to serve."""
    with pytest.raises(StartupError, match=message):
        planned(tmp_path, "1xH100-80G", *verifiers)


SHAPES = [
    ModelShape(layers=32, heads=heads, kv_heads=kv, head_dim=128)
    for heads, kv in ((32, 8), (28, 4), (40, 8), (12, 0))
]


@given(
    sizes=st.lists(st.tuples(st.floats(0.5, 150), st.sampled_from(SHAPES)), min_size=1, max_size=8),
    gpus=st.lists(st.sampled_from(["L4-24G", "A100-80G", "H200-141G"]), min_size=1, max_size=8),
)
@settings(max_examples=200, deadline=None)
def test_no_plan_gives_more_than_there_is(
    sizes: list[tuple[float, ModelShape]], gpus: list[str]
) -> None:
    """Any models on any machine fit, or get a refusal."""
    servers = [
        Server(f"s{place}", ("v",), "m", "m", "vllm", 9000 + place, (), {}, gib, shape, 8192, None)
        for place, (gib, shape) in enumerate(sizes)
    ]
    try:
        plan = place(servers, parse_gpus(",".join(gpus)), Load())
    except DoesNotFitError as exc:
        assert "GiB are missing" in str(exc)  # noqa: PT017 - either is right
        return
    check(plan)
    assert len(plan.placed) == len(servers)


def test_every_model_of_the_catalog_has_a_shape() -> None:
    """But those that nothing serves."""
    assert [
        name
        for name, entry in catalog().items()
        if entry.server != "none" and shape_of(entry.model) is None
    ] == []


def test_the_gpu_benchmark_plans_room_for_its_caches(tmp_path: Path) -> None:
    """Its models are folders, so it says their shapes itself: those of the models that they
    stand for.
    """
    servers = servers_of(
        load_config(write_config(tmp_path / "e.yaml", configured(tmp_path, tmp_path, list(LIKE))))
    )
    plan = place(servers, parse_gpus("1xH100-80G"), Load(2048, 32))

    check(plan)
    assert {each.served_as: each.shape for each in servers} == {
        name: shape_of(model) for name, model in LIKE.items()
    }
    assert all(each.server.kv_gib(plan.load, 1) > 3 for each in plan.placed)
