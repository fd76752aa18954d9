"""The likelihood of an answer behind its prompt."""

from __future__ import annotations

from assay.verifiers.vllm.log_likelihood import Likelihood


def test_a_seam_that_tokenizes_anew_belongs_to_the_answer() -> None:
    """Ids are compared, not counted: the head's last token may have grown."""
    likelihood = Likelihood(
        [11, 12, 99, 14], [-1.0, -2.0, -3.0, -4.0]
    )  # the ids after the first, which has no logprob

    assert likelihood.after([10, 11, 12]) == [-3.0, -4.0]
    assert likelihood.after([10, 11, 12, 13]) == [-3.0, -4.0]
    assert likelihood.after([10]) == [-1.0, -2.0, -3.0, -4.0]
