"""The requests of our own API: accepted and refused bodies."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from assay.service.api.errors import ApiError, invalid
from assay.service.api.requests import RankRequest, ScorePairsRequest, problem
from assay.service.config.settings import ServiceSettings

RANK = {"query": "q", "candidates": ["a", "b"]}
MESSAGES = [{"role": "user", "content": "q"}]


def refusal(model: type[BaseModel], body: Any, **settings: Any) -> ApiError:
    """Return how a body is refused by a service of some settings."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body, context=ServiceSettings(**settings))
    return invalid(caught.value)


def test_messages_are_a_query_of_several_turns() -> None:
    """With a reference or tests."""
    asked = RankRequest(messages=MESSAGES, candidates=["a"], reference="7", tests=["t"])
    query = asked.conversation()

    assert [(turn.role, turn.content) for turn in query.messages] == [("user", "q")]
    assert (query.reference, query.tests) == ("7", ("t",))


@pytest.mark.parametrize("body", [{"candidates": ["a"]}, {**RANK, "messages": MESSAGES}])
def test_a_query_or_messages_are_needed_and_not_both(body: Any) -> None:
    """Of a ranking and of each pair."""
    pair = {key: value for key, value in body.items() if key != "candidates"} | {"candidate": "a"}

    assert refusal(RankRequest, body).param == "query"
    assert refusal(ScorePairsRequest, {"pairs": [pair]}).param == "pairs.0.query"


@pytest.mark.parametrize(
    "more", [{"top_n": True}, {"budget": {"cost": True}}, {"deadline_ms": False}]
)
def test_a_truth_is_no_number(more: dict[str, Any]) -> None:
    """It would count as 1 or 0."""
    assert "Input should be a number" in str(refusal(RankRequest, {**RANK, **more}))


def test_an_id_names_one_candidate() -> None:
    """The refusal names both places; candidates without an id are as many as they want."""
    twice = [{"text": "a", "id": "x"}, "b", {"text": "c", "id": "x"}]
    error = refusal(RankRequest, {"query": "q", "candidates": twice})

    assert (error.param, error.code) == ("candidates.2.id", "duplicate_id")
    assert "candidate 0" in str(error)
    assert RankRequest.model_validate({"query": "q", "candidates": ["a", "a"]}).candidates


def test_a_list_is_counted_before_its_items_are_checked() -> None:
    """Each of them would be a problem of its own."""
    error = refusal(RankRequest, {"query": "q", "candidates": [5] * 3}, max_candidates=2)
    pairs = refusal(ScorePairsRequest, {"pairs": [{}] * 3}, max_candidates=2)

    assert (error.param, error.code) == ("candidates", "too_many")
    assert "3 are more than the 2" in str(error)
    assert (pairs.param, pairs.code) == ("pairs", "too_many")


def test_a_candidates_length_is_that_of_its_bytes() -> None:
    """Not of its characters; one at the bound is taken."""
    error = refusal(RankRequest, {"query": "q", "candidates": ["éé"]}, max_candidate_bytes=3)
    settings = ServiceSettings(max_candidate_bytes=4)

    assert (error.status, error.param) == (413, "candidates.0")
    assert RankRequest.model_validate({"query": "q", "candidates": ["éé"]}, context=settings)


@pytest.mark.parametrize(("stated", "version"), [(3, "3"), (0, "0"), ("t@3", "t@3"), (None, None)])
def test_a_versions_number_is_its_name(stated: object, version: str | None) -> None:
    """As in a URL, which has no numbers."""
    assert RankRequest.model_validate({**RANK, "version": stated}).version == version


@pytest.mark.parametrize("stated", [True, 3.0, -1, 10**16, 10**400])
def test_what_is_no_versions_number_is_refused(stated: object) -> None:
    """A truth, a fraction, or a number that no version has."""
    with pytest.raises(ValidationError, match="version"):
        RankRequest.model_validate({**RANK, "version": stated})


def test_an_unknown_field_is_refused() -> None:
    """A typo would be an option that has no effect."""
    assert refusal(RankRequest, {**RANK, "topn": 1}).code == "extra_forbidden"


def test_a_message_with_braces_is_told_with_brackets() -> None:
    """Braces would be read as places to fill in."""
    assert problem("id", "{name}", "code").message() == "(name)"


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_a_confidence_has_no_tier_to_stop_at_with_policy_full(confidence: float) -> None:
    """One of the two is a mistake; with the other policies it counts."""
    asked = {**RANK, "confidence": confidence}
    error = refusal(RankRequest, {**asked, "policy": "full"})

    assert (error.param, error.code) == ("confidence", "not_with_policy")
    for policy in ("cascade", "auto", None):
        assert RankRequest.model_validate({**asked, "policy": policy}).confidence == confidence
