"""Agreement among the candidates of a query."""

from __future__ import annotations

import pytest

from assay.verifiers import Pair, Query, Status
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings
from tests.support.verifiers.check_verdicts import MATHS, verdicts_of


async def test_consensus_counts_those_that_agree_by_value() -> None:
    """0.5 and 1/2 are one answer; the candidates' order does not matter."""
    verdicts = await verdicts_of(
        "consensus", ["The answer is 0.5.", "\\boxed{\\frac{1}{2}}", "The answer is 3.", ""], MATHS
    )

    assert [verdict.score for verdict in verdicts] == [
        pytest.approx(1.4 / 5),
        pytest.approx(1.4 / 5),
        pytest.approx(0.4 / 5),
        None,
    ]
    assert verdicts[3].status is Status.NOT_APPLICABLE


async def test_consensus_means_the_same_for_few_and_many() -> None:
    """Two of two say less than eight of eight, and more than two of eight."""
    tops = [
        (await verdicts_of("consensus", texts, MATHS))[0].score
        for texts in (
            ["it is 7"] * 2,
            ["it is 7"] * 8,
            ["it is 7"] * 2 + [f"it is {place}" for place in range(10, 16)],
        )
    ]

    two, eight, few = (top or 0.0 for top in tops)
    assert few < two < eight < 1


async def test_one_candidate_cannot_agree_with_others() -> None:
    """A candidate alone gets no score, not a perfect one."""
    [verdict] = await verdicts_of("consensus", ["The answer is 7."], MATHS)

    assert (verdict.score, verdict.status) == (None, Status.NOT_APPLICABLE)


HALVES = ["The answer is 1/2.", "The answer is 0.5.", "The answer is \\boxed{\\frac{1}{2}}."]


@pytest.mark.parametrize("texts", [
    HALVES, list(reversed(HALVES)), ["The answer is 75%.", "\\boxed{\\frac{3}{4}}", "#### 0.75"], ["The answer is 6/4.", "The answer is $1\\frac{1}{2}$.", "\\boxed{150\\%}"],
    ["\\boxed{x=7}", "The answer is 14/2.", "So it is 7."], ["The answer is 10^3.", "The answer is 1,000.", "\\boxed{\\sqrt{1000000}}"],
])  # fmt: skip
async def test_values_agree_however_they_are_written(texts: list[str]) -> None:
    """An unevaluated quotient, a decimal, a percentage: one answer, so each of three has 0.60."""
    verdicts = await verdicts_of("consensus", texts, MATHS)

    assert [verdict.score for verdict in verdicts] == [pytest.approx(2.4 / 4)] * 3


async def test_a_percentage_is_not_the_number_before_its_sign() -> None:
    """50 % is 0.5, and not 50."""
    texts = ["The answer is 50%.", "The answer is 50.", "\\boxed{0.5}"]

    verdicts = await verdicts_of("consensus", texts, MATHS)

    assert [verdict.score for verdict in verdicts] == [
        pytest.approx(1.4 / 4),
        pytest.approx(0.4 / 4),
        pytest.approx(1.4 / 4),
    ]


async def test_answers_that_are_compared_as_text_are_not_read_as_numbers() -> None:
    """Only where the configuration asks for it."""
    verdicts = await verdicts_of("consensus", HALVES[:2], MATHS, answers="text")

    assert [verdict.score for verdict in verdicts] == [pytest.approx(0.4 / 3)] * 2


async def test_groups_are_remembered_from_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order their texts come; other texts are compared."""
    verifier = Consensus(ConsensusSettings(name="c"))
    await verifier.warm_up()
    await verifier.score([Pair(MATHS, text) for text in [*HALVES, "The answer is 3."]])
    compared: list[list[str]] = []

    async def compare(query: str, texts: list[str]) -> tuple[list[int | None], None]:
        compared.append(texts)
        return [None] * len(texts), None

    monkeypatch.setattr(verifier, "groups", compare)
    again = await verifier.remembered_groups(MATHS.text, ["The answer is 3.", *HALVES])
    await verifier.remembered_groups(MATHS.text, HALVES)

    assert again == [1, 0, 0, 0]
    assert compared == [HALVES]


@pytest.mark.parametrize(
    ("texts", "silent"),
    [
        (["Sydney", "Canberra", "It may be Perth."], True),
        (["The answer is 7.", "The answer is 8."], True),
        (["Canberra", "Canberra.", "Sydney"], False),
        (["I don't know.", "I don't know.", "Sydney"], True),
        (["**I cannot** say.", "I cannot say.", "Canberra"], True),
    ],
)
async def test_without_agreement_it_may_say_nothing(texts: list[str], silent: bool) -> None:
    """Where that is asked for: agreement speaks only where there is some."""
    query = Query.of("What is it?")
    verdicts = await verdicts_of("consensus", texts, query, needs_agreement=True)
    plain = await verdicts_of("consensus", texts, query)

    assert [verdict.score is None for verdict in verdicts] == [silent] * len(texts)
    assert None not in [verdict.score for verdict in plain]
