"""What a client asks of an export of training data, checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from assay.service.learning.exports.options import (
    LEAST_GAP,
    ExportFormat,
    ExportOptions,
    least_p_of,
)

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ExportIn(BaseModel):
    """The parameters of `GET /v1/tasks/{name}/export`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: ExportFormat
    min_p: Annotated[
        Share | None,
        Field(
            description="The least P(correct) of an answer to learn from; a person's label counts"
            " in the place of the model's. Default: 0.5 for dpo, 0.7 for kto and sft; 0 for dpo"
            " and sft with `probably_wrong=true`, without which less than 0.5 has no effect. kto"
            " calls an answer wrong from 1 - min_p down."
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
            " `probability` stays null. Without it only labels make rows."
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
