"""The part of the configuration that describes one verifier."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.verifiers import ServedSettings, VerifierSettings


def served(**options: Any) -> ServedSettings:
    """Return the settings of a served verifier."""
    return ServedSettings(**{"name": "v", "kind": "judge", "model": "m", **options})


def test_a_family_is_the_name_before_its_colon() -> None:
    """Unless it is stated."""
    assert VerifierSettings(name="rm:large", kind="length").family_or_default == "rm"
    assert VerifierSettings(name="a", kind="length", family="b").family_or_default == "b"


def test_one_server_or_several_are_given_and_never_both() -> None:
    """A slash at the end means nothing."""
    assert served(endpoint="http://a/").urls == ("http://a",)
    assert served(endpoints=("http://a", "http://b")).urls == ("http://a", "http://b")
    for wrong in ({}, {"endpoint": "http://a", "endpoints": ("http://b",)}):
        with pytest.raises(ValidationError, match="give either"):
            served(**wrong)


@pytest.mark.parametrize("url", ["a", "ftp://a", "http://u:p@a", "http://a?b=c", "http://a:99999"])
def test_a_base_url_is_one(url: str) -> None:
    """Without a user, a query or an invalid port."""
    with pytest.raises(ValidationError):
        served(endpoint=url)


def test_where_a_model_is_served_does_not_determine_its_scores() -> None:
    """Its revision does."""
    here = served(endpoint="http://a", timeout_s=1).scoring_parameters()

    assert here == served(endpoint="http://b", cost=3).scoring_parameters()
    assert here != served(endpoint="http://a", revision="2").scoring_parameters()
