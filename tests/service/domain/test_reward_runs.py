"""Runs as the store keeps them."""

from __future__ import annotations

import re
from dataclasses import replace

import orjson
import pytest

from assay.service.domain.reward_runs import (
    RUN_NAME,
    UNNAMED,
    RewardRun,
    as_stored,
    kept_name,
    run_holder,
    run_of,
    shown_name,
    stated_name,
)

RUN = RewardRun(
    name="night", version=3, model_version="t@3", ensemble="e", scores_as="ab", began=1.5
)


def test_a_run_comes_back_as_it_was() -> None:
    """Also with fields that a later release adds, or that an earlier one did not have."""
    fields = orjson.loads(as_stored(RUN))
    later = orjson.dumps({**orjson.loads(as_stored(RUN)), "colour": "blue"})

    del fields["reward"]
    ranked = replace(RUN, reward="rank")

    assert run_of(as_stored(RUN)) == run_of(later) == run_of(orjson.dumps(fields)) == RUN
    assert run_of(as_stored(ranked)) == ranked


@pytest.mark.parametrize("field", ["name", "version", "model_version", "scores_as", "began"])
def test_a_damaged_run_is_no_run(field: str) -> None:
    """A field that is missing or of another type."""
    fields = orjson.loads(as_stored(RUN))

    for damaged in ({**fields, field: None}, {**fields, field: [1]}, {**fields, "reward": 1}):
        with pytest.raises(ValueError, match=r"."):
            run_of(orjson.dumps(damaged))


@pytest.mark.parametrize(
    ("kept", "stated", "holder"),
    [
        ("night", "night", ""),
        (kept_name("night", ""), "night", ""),
        (kept_name("night@3", "ks-1:a"), "night@3", "ks-1:a"),
        ("~ks2@01fb", "~ks2@01fb", "ks2"),
        ("~@01fb", "~@01fb", ""),
        ("~ks2@01fb-rank", "~ks2@01fb-rank", "ks2"),
    ],
)
def test_a_kept_run_names_its_key(kept: str, stated: str, holder: str) -> None:
    """And the name that the key stated, which it alone reads."""
    assert (stated_name(kept), run_holder(kept)) == (stated, holder)
    assert (shown_name(kept, holder), shown_name(kept, "another")) == (stated, kept)


def test_nobody_can_name_a_run_as_an_unnamed_one() -> None:
    """Its name begins with a character that a name cannot have."""
    assert re.fullmatch(RUN_NAME, "night-3.a:b@c+d_e")
    assert not re.fullmatch(RUN_NAME, f"{UNNAMED}key@ab")
