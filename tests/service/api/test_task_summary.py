"""A task's state, by caller."""

from __future__ import annotations

import pytest

from assay.service.api.task_summary import loss_of_task
from assay.service.domain.principal import _PRINCIPAL, Principal


@pytest.mark.parametrize(
    ("tasks", "seen"), [(None, [True] * 3), (frozenset({"math"}), [True, True, False])]
)
def test_what_the_store_lost_of_another_task_is_not_for_a_key_of_some(
    tasks: frozenset[str] | None, seen: list[bool]
) -> None:
    """The key does see losses of all tasks together."""
    losses = [
        "the store's file was cut off",
        "the task math had 40 labels",
        "the task maths had 40 labels",
    ]
    token = _PRINCIPAL.set(Principal("k", frozenset(), tasks))
    try:
        shown = [loss_of_task(loss, "math") for loss in losses]
    finally:
        _PRINCIPAL.reset(token)

    assert shown == [loss if there else None for loss, there in zip(losses, seen, strict=True)]
