"""Implicit process rewards: each step's likelihood under a trained model and its origin.

Yuan et al., "Free Process Rewards without Process Labels" (arXiv 2412.01981): r = beta ·
log(p(step) / p_ref(step)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Literal

from pydantic import Field

from assay.verifiers.contract.errors import BadReplyError, VerifierError
from assay.verifiers.contract.settings import EndpointUrl, ServedSettings
from assay.verifiers.contract.verifier import Pair, Verdict, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.rewards.likelihood_base import LikelihoodBase, heads_of
from assay.verifiers.rewards.steps import too_many
from assay.verifiers.vllm.log_likelihood import Likelihood, log_likelihoods
from assay.verifiers.vllm.verdicts import score_verdict

PrefixReduction = Literal["last", "min", "mean"]


class ImplicitPrmSettings(ServedSettings):
    """Two language models of one family: one trained on outcomes, and its reference."""

    kind: Literal["implicit_prm"] = "implicit_prm"
    reference_model: str = Field(
        min_length=1, description="Name of the reference model on its server."
    )
    reference_endpoint: EndpointUrl = Field(description="Base URL of the reference model's server.")
    system: str | None = Field(None, description="System message before the query.")
    beta: float = Field(
        0.001, gt=0, allow_inf_nan=False, description="The factor that the model was trained with."
    )
    step_separator: str = Field(
        "\n\n", min_length=1, description="Text that candidates put between steps."
    )
    reduction: PrefixReduction = Field(
        "last",
        description=(
            "Of the rewards up to each step: the last (the whole), the least, or their mean."
        ),
    )

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score, without the place of the reference model."""
        parameters = super().scoring_parameters()
        parameters.pop("reference_endpoint")
        return parameters


class ImplicitPrm(LikelihoodBase):
    """beta times the log-ratio of the two models, summed up to the end of each step."""

    def __init__(self, settings: ImplicitPrmSettings, transport: Transport) -> None:
        super().__init__(settings, settings.system, transport)
        self.implicit = settings
        place = {
            "model": settings.reference_model,
            "endpoint": settings.reference_endpoint,
            "endpoints": (),
        }
        self.reference = Upstream(settings.model_copy(update=place), transport)

    async def problems(self) -> list[VerifierError | None]:
        """Return each server's fault, the reference model's last."""
        return [
            *await super().problems(),
            await self.problem_of(self.reference, self.reference.endpoints[0]),
        ]

    async def check(self) -> None:
        """Return when both models are served; raise `VerifierError` saying which is not."""
        *problems, reference = await self.problems()
        if all(problems) or reference:
            raise reference or problems[0]  # type: ignore[misc]  # one of them is an error

    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        parts = [
            self.parts(await self.template(pair.query), pair.query, self._text(pair.candidate))
            for pair in pairs
        ]
        prompts = [head + answer for head, answer in parts]
        (model_likelihoods, usage), (reference_likelihoods, more) = await gather_or_cancel(
            log_likelihoods(self.upstream, prompts), log_likelihoods(self.reference, prompts)
        )
        usage.add(more)
        heads = await heads_of(self.tokenizer, [head for head, _ in parts])
        items = []
        for (head, answer), model, reference in zip(
            parts, model_likelihoods, reference_likelihoods, strict=True
        ):
            ends = await self._step_ends(head, answer, model)
            items.append(self._read(_difference(model, reference, heads[head]), ends))
        return Verdicts(items, usage)

    def verdict_without_call(self, pair: Pair) -> Verdict | None:
        """Return the verdict of a pair that needs no call; one with too many steps gets none."""
        if (
            verdict := super().verdict_without_call(pair)
        ) is not None or self.implicit.reduction == "last":
            return verdict
        steps = [
            part
            for part in self._text(pair.candidate).split(self.implicit.step_separator)
            if part.strip()
        ]
        return too_many(self.query_text(pair.query), steps)

    async def _step_ends(self, head: str, answer: str, likelihood: Likelihood) -> list[int]:
        """Return, for each step but the last, how many of the prompt's tokens are left after it."""
        if self.implicit.reduction == "last":
            return []
        steps = [part for part in answer.split(self.implicit.step_separator) if part.strip()]
        pieces = accumulate(
            steps[:-1], lambda before, step: before + self.implicit.step_separator + step
        )  # one at a time
        whole = len(likelihood.ids) + 1
        return [whole - len(await self.tokenizer.ids(head + piece)) for piece in pieces]

    def _read(self, ratios: Sequence[float], remaining: Sequence[int]) -> Verdict:
        sums = list(accumulate(ratios, initial=0.0))
        ends = [sums[max(0, len(ratios) - count)] for count in remaining] + [sums[-1]]
        value = {"last": ends[-1], "min": min(ends), "mean": math.fsum(ends) / len(ends)}[
            self.implicit.reduction
        ]
        return score_verdict(self.implicit.beta * value, "log-ratio")


def _difference(model: Likelihood, reference: Likelihood, head: Sequence[int]) -> list[float]:
    if model.ids != reference.ids:
        raise BadReplyError(
            "model and reference model read the prompt as different tokens: they are not of one"
            " family"
        )
    return [
        model_logprob - reference_logprob
        for model_logprob, reference_logprob in zip(
            model.after(head), reference.after(head), strict=True
        )
    ]
