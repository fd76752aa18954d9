"""A check that needs no model: every `a op b = c` in the candidate is computed again."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from assay.verifiers.checks.answers.bearing import (
    BEARING_RULES,
    asked_value,
    bearing_share,
    stated_value,
)
from assay.verifiers.checks.answers.equations import holds, statements
from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Pair, Status, Verdict
from assay.verifiers.safety.invisible import as_read


class ArithmeticSettings(VerifierSettings):
    """Which equations count."""

    kind: Literal["arithmetic"] = "arithmetic"
    counts: Literal["all", "answer"] = Field(
        "all",
        description=(
            "all: the share of equations that hold; answer: only equations that begin with the"
            " query's numbers and lead to the stated answer, and the query's own sum."
        ),
    )

    def scoring_parameters(self) -> dict[str, Any]:
        """Return the settings that determine a score; the default adds none, as before it."""
        parameters = super().scoring_parameters()
        if self.counts == "all":
            del parameters["counts"]
            return parameters
        return {**parameters, "rules": BEARING_RULES}


class Arithmetic(LocalVerifier):
    """The share of a candidate's arithmetic statements that are true; needs at least one.

    With `counts: answer`, true statements count only where they bear on the stated answer: others
    are easily added, and say nothing of it.
    """

    def __init__(self, settings: ArithmeticSettings) -> None:
        super().__init__(settings)
        self.counts = settings.counts

    def _score_one(self, pair: Pair) -> Verdict:
        text = as_read(pair.candidate)
        if self.counts == "answer":
            return _bearing(pair.query.messages[-1].content if pair.query.messages else "", text)
        truths = [holds(*statement.groups()) for statement in statements(text)]
        decided = [truth for truth in truths if truth is not None]
        if not decided:
            return Verdict(None, Status.NOT_APPLICABLE, "no arithmetic in the candidate")
        return Verdict(sum(decided) / len(decided))


def _bearing(query: str, text: str) -> Verdict:
    """Return the verdict by what bears on the stated answer."""
    stated, asked = stated_value(text), asked_value(query)
    if asked is not None:
        if stated is None:
            return Verdict(None, Status.NOT_APPLICABLE, "the candidate states no number")
        return Verdict(float(stated.equals(asked)))
    share = bearing_share(query, text, stated)
    if share is None:
        return Verdict(None, Status.NOT_APPLICABLE, "no equation bears on the stated answer")
    return Verdict(share)
