"""Candidates as training data sees them."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.learning.exports.candidates import (
    ExportCandidate,
    ExportReading,
    KeptTraffic,
    by_prompt,
)
from assay.service.learning.tasks.served_version import ServedVersion
from assay.verifiers import Query
from tests.support.exports import FINGERPRINT, Chances, conversation, key_of, members, ranked


def read(
    *records: Any,
    labels: dict[str, float] | None = None,
    calibrated: bool = True,
    uncalibrated: bool = False,
    speaks: bool = True,
) -> list[tuple[list[ExportCandidate], int]]:
    """Return each prompt's candidates."""
    model: Any = Chances(calibrated)
    traffic = KeptTraffic()
    traffic.add(records)
    reading = ExportReading(
        served=ServedVersion(task="t", model=model, version=3),
        members=members(speaks),
        fingerprints=[FINGERPRINT],
        labels=labels or {},
        uncalibrated=uncalibrated,
    )
    return list(by_prompt(traffic, reading))


def test_a_label_takes_the_place_of_the_probability() -> None:
    """The model's number stays beside it."""
    [(candidates, _)] = read(ranked("q", {"a": 0.9, "b": 0.2}), labels={key_of("q", "a"): 0.0})

    assert [candidate.key for candidate in candidates] == [key_of("q", "b"), key_of("q", "a")]
    assert candidates[1].label == candidates[1].chance == 0.0
    assert candidates[1].probability == pytest.approx(0.9)


@pytest.mark.parametrize("uncalibrated", [False, True])
def test_before_calibration_there_is_no_probability(uncalibrated: bool) -> None:
    """With the switch the order decides; a label always does."""
    [(candidates, _)] = read(
        ranked("q", {"a": 0.9, "b": 0.2}),
        labels={key_of("q", "b"): 1.0},
        calibrated=False,
        uncalibrated=uncalibrated,
    )
    by_key = {candidate.key: candidate for candidate in candidates}

    assert {candidate.probability for candidate in candidates} == {None}
    assert by_key[key_of("q", "b")].chance == 1.0
    assert by_key[key_of("q", "a")].chance == (pytest.approx(0.9) if uncalibrated else None)
    assert all(candidate.score is not None for candidate in candidates)


def test_requests_of_one_prompt_are_one() -> None:
    """With other candidates, another reference or other tests."""
    records = [
        ranked("q", {"a": 0.9, "b": 0.2}),
        ranked("q", {"a": 0.9, "c": 0.3}),
        ranked(Query.of("q", "7", ("assert f()",)), {"d": 0.8}),
        ranked("another", {"a": 0.5}),
    ]
    traffic = KeptTraffic()
    traffic.add(records)

    sizes = [len(candidates) for candidates, _ in read(*records)]

    assert (sizes, traffic.repeated_prompts) == ([4, 1], 2)


def test_texts_that_differ_by_outer_blanks_are_one_candidate() -> None:
    """Their labels count together; blanks inside make another text."""
    labels = {key_of("q", "a"): 1.0, key_of("q", "a \n"): 0.0}

    [(candidates, repeated)] = read(
        ranked("q", {"a": 0.9, "a \n": 0.8, "a b": 0.3, "a  b": 0.2}), labels=labels
    )

    assert (len(candidates), repeated) == (3, 1)
    assert 0.5 in {candidate.label for candidate in candidates}


def test_conversations_are_prompts_by_their_turns() -> None:
    """A conversation is not the text that its turns make."""
    talk = conversation("be brief", "hi", "hello", "2+2?")
    records = [ranked(talk, {"4": 0.9}), ranked(talk.text, {"4": 0.9})]
    traffic = KeptTraffic()
    traffic.add(records)

    assert len(read(*records)) == 2
    assert len(traffic.conversations) == 1


def test_requests_without_texts_are_counted() -> None:
    """Training needs texts."""
    traffic = KeptTraffic()
    traffic.add([ranked("q", {"a": 0.9}, texts=False), ranked("r", {"a": 0.9})])

    assert (traffic.without_texts, len(traffic.records)) == (1, 1)


@pytest.mark.parametrize("uncalibrated", [False, True])
def test_form_and_relevance_are_no_probability(uncalibrated: bool) -> None:
    """Where no verifier speaks of correctness, labels alone decide; the order stays."""
    [(candidates, _)] = read(
        ranked("q", {"a": 0.9, "b": 0.2}),
        labels={key_of("q", "b"): 1.0},
        speaks=False,
        uncalibrated=uncalibrated,
    )

    assert [(candidate.chance, candidate.judged) for candidate in candidates] == [
        (1.0, False),
        (None, False),
    ]
    assert {candidate.probability for candidate in candidates} == {None}
    assert all(candidate.score is not None for candidate in candidates)
