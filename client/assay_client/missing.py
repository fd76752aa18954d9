"""What stands for the reward of a completion that no verifier could score."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Literal

from .errors import NoScoreError

#: "raise" ends the call with `NoScoreError`; "skip" is the trainer's own way to leave a sample out;
#: "group_mean" is the mean of the other completions of its prompt; a number is that number.
Missing = Literal["raise", "skip", "group_mean"] | float
WORDS = ("raise", "skip", "group_mean")


def missing_of(missing: Missing | str | None, default: Missing, refused: dict[str, str]) -> Missing:
    """Return what was stated: as an argument, else as ASSAY_MISSING, else the default.

    `refused`: the words that a trainer has no use for, with the reason. Raises `ValueError` for
    those, and for anything else that is neither a word nor a finite number.
    """
    stated = missing if missing is not None else os.environ.get("ASSAY_MISSING") or default
    if stated in refused:
        raise ValueError(f"missing={stated!r}: {refused[str(stated)]}")
    if stated in WORDS:
        return stated  # type: ignore[return-value]  # one of the words
    try:
        number = float(stated)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(stated, bool) or not math.isfinite(number):
        raise ValueError(f"missing: {', '.join(WORDS)}, or a number (got {stated!r})")
    return number


def filled(
    rewards: Sequence[float | None],
    missing: Missing,
    absent: float | None = None,
    reason: str | None = None,
) -> list[float | None]:
    """Return the rewards of one prompt's completions, each gap as `missing` says.

    `absent` stands for a sample that the trainer leaves out; with "group_mean" also for those of a
    prompt without any score. `reason`: the service's own word on the gaps, for the error. Raises
    `NoScoreError` with "raise".
    """
    gaps = [place for place, reward in enumerate(rewards) if reward is None]
    if not gaps:
        return list(rewards)
    if missing == "raise":
        raise NoScoreError(
            f"no verifier could score {len(gaps)} of {len(rewards)} completions of a prompt (the"
            f" first is number {gaps[0]}); state `missing` for a reward that stands for them"
            + ("" if reason is None else f" ({reason})")
        )
    scored = [reward for reward in rewards if reward is not None]
    if missing == "skip" or (missing == "group_mean" and not scored):
        stand_in = absent
    elif missing == "group_mean":
        stand_in = sum(scored) / len(scored)
    else:
        stand_in = float(missing)
    return [stand_in if reward is None else reward for reward in rewards]
