"""Admission by estimated work: tokens that the requests under way have models read."""

from __future__ import annotations

from collections.abc import Sequence

from assay.service.domain.budget import CHARS_A_TOKEN
from assay.service.domain.errors import TooMuchWorkError
from assay.verifiers import Pair, ServedSettings, VerifierSettings


class TokenAdmission:
    """The tokens in progress in one worker, and their bound (None: no bound, no estimates)."""

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.tokens = 0

    def take(self, tokens: int) -> None:
        """Take on work; a request larger than all room has to be alone.

        Raises `TooMuchWorkError` if it does not fit.
        """
        if self.most is not None and self.tokens and self.tokens + tokens > self.most:
            raise TooMuchWorkError(
                f"the request would have models read about {tokens} tokens, {self.tokens} of at"
                f" most {self.most} are under way"
            )
        self.tokens += tokens

    def give_back(self, tokens: int) -> None:
        """Note that work is done, or given up."""
        self.tokens -= tokens


def tokens_of(verifier: VerifierSettings, pairs: Sequence[Pair]) -> int:
    """Return an estimate of the tokens that a verifier's model reads of pairs; a check has none."""
    if not isinstance(verifier, ServedSettings):
        return 0
    return sum(len(pair.candidate) + len(pair.query.text) for pair in pairs) // CHARS_A_TOKEN
