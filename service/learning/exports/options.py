"""The shapes of training data, and the conditions for a row to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ExportFormat = Literal["dpo", "kto", "sft", "reward"]
#: Below this probability an answer is probably wrong.
EVEN = 0.5
LEAST_P: dict[ExportFormat, float] = {"dpo": EVEN, "kto": 0.7, "sft": 0.7, "reward": 0.0}
LEAST_GAP = 0.2


def least_p_of(how: ExportFormat, probably_wrong: bool) -> float:
    """Return the least P(correct) where none is stated: none for who asks for answers below."""
    return 0.0 if probably_wrong and how in ("dpo", "sft") else LEAST_P[how]


#: The columns of each shape, in order.
EXPORT_COLUMNS: dict[ExportFormat, tuple[str, ...]] = {
    "dpo": (
        "prompt",
        "chosen",
        "rejected",
        "label_chosen",
        "label_rejected",
        "probability_chosen",
        "probability_rejected",
        "score_chosen",
        "score_rejected",
        "model_version",
    ),
    # TRL calls KTO's target `label`, so a person's label has a longer name here.
    "kto": (
        "prompt",
        "completion",
        "label",
        "human_label",
        "probability",
        "score",
        "model_version",
    ),
    "sft": ("prompt", "completion", "label", "probability", "score", "model_version"),
    "reward": ("prompt", "completion", "target", "label", "probability", "score", "model_version"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What a row must fulfil.

    `min_p`: the least P(correct) of an answer to learn from, in [0, 1]; below a half it has an
    effect with `probably_wrong` only, which in `dpo` takes rejected answers above a half as well.
    `min_gap`: the least difference between the chosen and the rejected answer's P(correct), of
    `dpo` alone. `uncalibrated`: take the order of an uncalibrated
    task for probabilities.
    """

    format: ExportFormat
    min_p: float
    min_gap: float = LEAST_GAP
    probably_wrong: bool = False
    uncalibrated: bool = False

    @property
    def least_p(self) -> float:
        """Return the least P(correct) of an answer to learn from, once all options are read."""
        lowest = 0.0 if self.probably_wrong or self.format == "reward" else EVEN
        return max(self.min_p, lowest)
