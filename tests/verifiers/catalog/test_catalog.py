"""The catalog: every entry is one that can be used, and says how."""

from __future__ import annotations

import json

import pytest

from assay.verifiers import KINDS
from assay.verifiers.catalog.catalog import Entry, catalog, entry_of

ENTRIES = sorted(catalog().items())


#: What a configuration adds to any entry.
PLACE = {"name": "v", "endpoint": "http://x"}


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=[name for name, _ in ENTRIES])
def test_an_entry_makes_settings_of_its_kind(name: str, entry: Entry) -> None:
    """`use: NAME` and an endpoint, with required fields; a model that vLLM cannot serve has a
    reason.
    """
    kind = KINDS[entry.kind]
    given = {**entry.defaults(), **PLACE, **dict.fromkeys(entry.requires, 1)}
    if entry.kind == "implicit_prm":
        given["reference_endpoint"] = "http://y"

    settings = kind.settings.model_validate(given)

    assert settings.kind == entry.kind
    assert set(entry.requires) <= set(kind.settings.model_fields)
    assert entry.server != "none" or entry.notes
    assert name == name.lower()


@pytest.mark.parametrize(("name", "entry"), ENTRIES, ids=[name for name, _ in ENTRIES])
def test_the_flags_fit_the_kind(name: str, entry: Entry) -> None:
    """A reward model is pooled, a judge generates, a process reward model has its step token;
    JSON among the flags is JSON.
    """
    pooled = {"reward_model", "reward_tokens", "process_reward", "cross_encoder"}
    if entry.server == "vllm":
        assert ("pooling" in entry.flags) == (entry.kind in pooled)
    for flag in entry.flags:
        if flag.startswith("{"):
            json.loads(flag)
    if entry.kind == "process_reward":
        assert (
            json.loads(entry.flags[entry.flags.index("--pooler-config") + 1])["tok_pooling_type"]
            == "STEP"
        )
    if entry.accuracy:
        assert entry.source, "a figure needs its source"


def test_every_model_is_named_once_and_found_by_its_own_name() -> None:
    """By the model's name on the hub and its kind, as in a configuration."""
    models = [entry.model for entry in catalog().values()]

    assert len(set(models)) == len(models)
    found = entry_of("Skywork/Skywork-Reward-V2-Qwen3-8B", "reward_model")
    assert found is not None
    assert found.floor == 0.7
    assert entry_of("nobody/nothing", "judge") is None


def test_memory_follows_from_the_size() -> None:
    """Eight billion parameters of two bytes are 15 GiB, and 4 beside them."""
    assert catalog()["skywork-reward-v2-llama-3.1-8b"].gpu_gib == 19
    assert catalog()["llama-3.1-405b-instruct"].gpu_gib < 400


def test_golden_scores_rank_the_right_answer_first() -> None:
    """As published."""
    golden = [entry.golden for entry in catalog().values() if entry.golden]

    assert golden
    assert all(
        each.scores[0] > each.scores[1] and len(each.scores) == len(each.candidates)
        for each in golden
    )
