"""What a client asks of an export of training data, checked."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.service.api.requests import problem
from assay.service.learning.exports.options import (
    EVEN,
    LEAST_GAP,
    ExportFormat,
    ExportOptions,
    least_p_of,
)

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


#: Options that only some formats have.
FORMATS_WITH: dict[str, tuple[ExportFormat, ...]] = {
    "min_gap": ("dpo",),
    "margin": ("dpo",),
    "threshold": ("kto", "sft", "reward"),
    "probably_wrong": ("dpo", "sft"),
}
NO_EFFECT = "no_effect"
FORMER_NAMES = {"margin": "min_gap", "threshold": "min_p"}


class ExportIn(BaseModel):
    """The parameters of `GET /v1/tasks/{name}/export`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: ExportFormat
    min_p: Annotated[
        Share | None,
        Field(
            description="The least P(correct) of an answer to learn from; a person's label counts"
            " in the place of the model's. Default: 0.5 for dpo, 0.7 for kto and sft; 0 for dpo"
            " and sft with `probably_wrong=true`, without which less than 0.5 is refused. kto"
            " calls an answer wrong from 1 - min_p down, so it takes no less than 0.5."
        ),
    ] = None
    min_gap: Annotated[
        Share | None,
        Field(
            description="dpo: the least difference between P(correct) of the chosen and of the"
            f" rejected answer. Default: {LEAST_GAP}."
        ),
    ] = None
    probably_wrong: Annotated[
        bool,
        Field(
            description="dpo, sft: also learn from answers whose P(correct) is below 0.5; dpo: also"
            " reject answers whose P(correct) is above 0.5. What people label otherwise stays out."
        ),
    ] = False
    uncalibrated: Annotated[
        bool,
        Field(
            description="Before the task is calibrated: take the model's order for probabilities."
            " `probability` stays null. Without it only labels make rows. A calibrated task has"
            " probabilities, and the option changes nothing."
        ),
    ] = False
    margin: Annotated[
        Share | None,
        Field(json_schema_extra={"deprecated": True}, description="The former name of `min_gap`."),
    ] = None
    threshold: Annotated[
        Share | None,
        Field(
            json_schema_extra={"deprecated": True},
            description="The former name of `min_p`, for all but dpo.",
        ),
    ] = None

    @model_validator(mode="after")
    def _check_effect(self) -> Self:
        """Refuse what would do nothing: the file would be another than the caller thinks."""
        for name, formats in FORMATS_WITH.items():
            value = getattr(self, name)
            if value is not None and value is not False and self.format not in formats:
                message = f"is an option of {', '.join(formats)}, not of {self.format}"
                raise problem(name, message, NO_EFFECT)
        for former, present in FORMER_NAMES.items():
            values = {getattr(self, former), getattr(self, present)} - {None}
            if len(values) > 1:
                message = f"is the former name of {present}: state one of them"
                raise problem(former, message, NO_EFFECT)
        least_p = self.threshold if self.min_p is None else self.min_p
        if least_p is not None and least_p < EVEN and not self.probably_wrong:
            if self.format == "kto":
                message = "is 0.5 to 1 for kto: from 1 - min_p down, an answer is called wrong"
                raise problem("min_p", message, NO_EFFECT)
            if self.format != "reward":
                raise problem("min_p", "needs probably_wrong=true below 0.5", NO_EFFECT)
        return self

    def options(self) -> ExportOptions:
        """Return the options, with defaults for those that are not stated."""
        threshold = None if self.format == "dpo" else self.threshold
        min_ps = (self.min_p, threshold, least_p_of(self.format, self.probably_wrong))
        min_gaps = (self.min_gap, self.margin, LEAST_GAP)
        return ExportOptions(
            format=self.format,
            min_p=next(value for value in min_ps if value is not None),
            min_gap=next(value for value in min_gaps if value is not None),
            probably_wrong=self.probably_wrong,
            uncalibrated=self.uncalibrated,
        )
