"""Runs as the store keeps them."""

from __future__ import annotations

import re

import orjson
import pytest

from assay.service.domain.reward_runs import RUN_NAME, UNNAMED, RewardRun, as_stored, run_of

RUN = RewardRun(
    name="night", version=3, model_version="t@3", ensemble="e", scores_as="ab", began=1.5
)


def test_a_run_comes_back_as_it_was() -> None:
    """Also with fields that a later release adds."""
    later = orjson.dumps({**orjson.loads(as_stored(RUN)), "colour": "blue"})

    assert run_of(as_stored(RUN)) == run_of(later) == RUN


@pytest.mark.parametrize("field", ["name", "version", "model_version", "scores_as", "began"])
def test_a_damaged_run_is_no_run(field: str) -> None:
    """A field that is missing or of another type."""
    fields = orjson.loads(as_stored(RUN))

    for damaged in ({**fields, field: None}, {**fields, field: [1]}):
        with pytest.raises(ValueError, match=r"."):
            run_of(orjson.dumps(damaged))


def test_nobody_can_name_a_run_as_an_unnamed_one() -> None:
    """Its name begins with a character that a name cannot have."""
    assert re.fullmatch(RUN_NAME, "night-3.a:b@c+d_e")
    assert not re.fullmatch(RUN_NAME, f"{UNNAMED}key@ab")
