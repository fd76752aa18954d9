"""The doctor: the faults that it finds, and those that it forgives."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest

from assay.verifiers import Finding, Grade, Pair, Status, UnreachableError, Verdict, Verdicts
from assay.verifiers.catalog.catalog import entry_of
from assay.verifiers.doctor.examine import _golden, auc_of, examine
from assay.verifiers.doctor.probes import probes
from tests.support.standin import StandIn
from tests.support.verifiers.examinations import failed_checks
from tests.support.verifiers.fakes import FakeTransport, FakeVerifier
from tests.support.verifiers.kinds import EXAMPLES, made, standin

RIGHT = {probe.good for probe in probes()}


async def test_a_perfect_verifier_passes() -> None:
    """AUC 1, with an interval."""
    report = await examine(
        FakeVerifier(
            "perfect", lambda pair: float(pair.candidate in RIGHT) + len(pair.candidate) / 1e6
        )
    )

    assert report.grade is Grade.OK
    assert report.auc is not None
    assert (report.auc.value, report.auc.pairs) == (1.0, 60)
    assert 0.9 < report.auc.low < 1
    assert report.latency_ms is not None


async def test_swapped_labels_fail() -> None:
    """Right answers score surely lower than wrong ones: the whole interval lies below a half."""
    report = await examine(FakeVerifier("swapped", lambda pair: float(pair.candidate not in RIGHT)))

    assert "swapped labels" in failed_checks(report)["right above wrong"]


async def test_a_weak_verifier_is_a_warning() -> None:
    """A score near chance does not prove a wrong setup."""
    report = await examine(FakeVerifier("length", lambda pair: float(len(pair.candidate) % 7)))

    assert report.grade is Grade.WARNING


@pytest.mark.parametrize("says", [lambda pair: None, lambda pair: 0.5])
async def test_a_verifier_that_says_nothing_of_the_probes_is_a_warning(says: Any) -> None:
    """Not applicable, or the same of everything: skipped, not failed."""
    report = await examine(FakeVerifier("silent", says))

    assert report.grade is Grade.WARNING
    assert report.auc is None


async def test_a_verifier_that_is_away_fails() -> None:
    """With a remedy."""
    report = await examine(FakeVerifier("away", UnreachableError("connection refused")))

    assert report.grade is Grade.FAILED


async def test_one_failed_call_is_no_failure() -> None:
    """Most calls succeed; the report gives the reason."""
    calls = iter(range(1000))

    class Shaky(FakeVerifier):
        async def score(self, pairs: Any) -> Verdicts:
            """Fail once."""
            if next(calls) == 3:
                raise UnreachableError("connection reset")
            return await super().score(pairs)

    report = await examine(
        Shaky("shaky", lambda pair: float(pair.candidate in RIGHT) + len(pair.candidate) / 1e6)
    )

    assert report.grade is Grade.WARNING
    assert any("connection reset" in finding.seen for finding in report.findings)


def apples(shift: float, pair: Pair) -> float:
    """Return the published score of the catalog's example, or another."""
    return shift + (23.0 if "3 apples each" in pair.candidate else 3.59)


async def test_a_published_score_is_asked_for_where_there_is_one() -> None:
    """Another number is a warning: it is not the doctor's word alone."""
    name = "Skywork/Skywork-Reward-V2-Llama-3.1-8B"
    for shift, grade in ((0.0, Grade.OK), (9.0, Grade.WARNING)):
        verifier = FakeVerifier("r", partial(apples, shift))

        [finding] = await _golden(verifier, entry_of(name, "reward_model"))

        assert (finding.check, finding.grade) == ("golden score", grade)


async def test_a_bug_in_a_verifier_is_its_own_failure() -> None:
    """A user's own class may raise anything."""
    report = await examine(FakeVerifier("buggy", ZeroDivisionError("oh")))

    assert "bug" in failed_checks(report)["answers"]


async def test_what_is_not_installed_is_a_warning() -> None:
    """It is left out, which is no failure."""

    class Bare(FakeVerifier):
        async def examine(self) -> list[Finding]:
            """Miss a library."""
            return [Finding("installed", Grade.SKIPPED, "install the extra")]

    report = await examine(bare := Bare("bare"))

    assert report.grade is Grade.WARNING
    assert bare.asked == []


async def test_a_model_that_falls_below_its_published_accuracy_fails() -> None:
    """The catalog's floor: this model tells right from wrong, so something is wrong with how it
    is served.
    """
    transport = standin(
        "reward",
        **{
            "/v1/models": (
                200,
                {"data": [{"id": "Skywork/Skywork-Reward-V2-Qwen3-8B", "max_model_len": 8192}]},
            )
        },
    )
    for path, reply in list(transport.replies.items()):
        if callable(reply):
            transport.replies[path] = lambda asked, reply=reply: reply({**asked, "model": "reward"})

    report = await examine(
        made("reward_model", transport, model="Skywork/Skywork-Reward-V2-Qwen3-8B")
    )

    assert "served wrongly" in failed_checks(report)["right above wrong"]


async def test_scores_that_move_are_seen() -> None:
    """From call to call, by more than a twentieth of their spread."""
    calls = iter(range(10_000))
    report = await examine(
        FakeVerifier("moving", lambda pair: float(pair.candidate in RIGHT) + next(calls) / 100)
    )

    assert [finding.grade for finding in report.findings if finding.check == "repeatability"] == [
        Grade.WARNING
    ]


async def test_texts_that_do_not_fit_fail_with_the_length() -> None:
    """Short texts: a longer context is needed."""

    class Small(FakeVerifier):
        async def score(self, pairs: Any) -> Verdicts:
            """Refuse texts longer than 60 characters."""
            too_long = Verdict(None, Status.TRUNCATED, "too_long: 60 tokens")
            return Verdicts(
                [too_long if len(pair.candidate) > 60 else Verdict(0.5) for pair in pairs]
            )

    assert "--max-model-len" in failed_checks(await examine(Small("small")))["context"]


@pytest.mark.parametrize(
    ("share", "value"), [([(1.0, 0.0)] * 3 + [(0.0, 1.0)], 0.75), ([(1.0, 1.0)] * 10, 0.5)]
)
def test_the_auc_counts_ties_half(share: list[tuple[float, float]], value: float) -> None:
    """With Wilson's interval around it."""
    auc = auc_of(share)

    assert auc.value == value
    assert auc.low < value < auc.high


async def test_a_sigmoid_that_is_left_on_is_found() -> None:
    """A gateway that passes over `use_activation`."""
    transport = standin("reward")
    own = transport.replies["/classify"]
    transport.replies["/classify"] = lambda asked: own(
        {key: value for key, value in asked.items() if key != "use_activation"}
    )

    assert (
        "sigmoid" in failed_checks(await examine(made("reward_model", transport)))["activation off"]
    )


async def test_another_step_token_is_found() -> None:
    """The server pools at one that the steps do not end in."""
    transport = standin("prm")
    transport.replies["/pooling"] = lambda asked: (
        200,
        {"data": [{"index": 0, "data": [[0.5, 0.5]] * 2}]},
    )

    assert (
        "step_tag_id"
        in failed_checks(await examine(made("process_reward", transport)))["step count"]
    )
    assert "step token" in failed_checks(await examine(made("process_reward", step_token="<step>")))


async def test_a_doubled_bos_is_found() -> None:
    """On token ids."""
    transport = standin("reward")
    own = transport.replies["/tokenize"]

    def tokenize(asked: dict[str, Any]) -> tuple[int, Any]:
        status, reply = own(asked)
        reply["tokens"] = [0, 0, *reply["tokens"]] if "messages" in asked else reply["tokens"]
        return status, reply

    transport.replies["/tokenize"] = tokenize

    assert "BOS" in failed_checks(await examine(made("reward_model", transport)))["one BOS"]


async def test_labels_of_two_tokens_or_with_a_common_beginning_are_found() -> None:
    """Only a first token is read."""
    assert "one token" in failed_checks(await examine(made("judge", yes=["Right"])))["labels"]
    assert (
        "differ"
        in failed_checks(await examine(made("judge", yes=["True"], no=["Trouble"])))["labels"]
    )


#: Each kind beside each server of another; token rewards and step scores share an endpoint, and are
#: told apart below.
MISMATCHES = [
    (kind, server)
    for kind, example in sorted(EXAMPLES.items())
    for server in ("judge", "reward", "prm", "tokens", "rerank", "nli", "embed")
    if example.server not in (None, "http", server)
    and (kind, server) != ("process_reward", "tokens")
]


@pytest.mark.parametrize(("kind", "server"), MISMATCHES)
async def test_a_model_of_the_wrong_kind_is_found(kind: str, server: str) -> None:
    """Wherever a kind is pointed at another kind's server."""
    app = StandIn(server)
    replies: dict[str, Any] = {
        path: (lambda asked, path=path: app._call(path, orjson.dumps({**asked, "model": server})))
        for path in app.routes
    }
    models = (200, {"data": [{"id": EXAMPLES[kind].server, "max_model_len": 8192}]})

    report = await examine(made(kind, FakeTransport({**replies, "/v1/models": models})))

    assert failed_checks(report), report


async def test_token_rewards_are_not_taken_for_steps() -> None:
    """One number a token is not one a step."""
    app = StandIn("tokens")
    replies: dict[str, Any] = {
        path: (lambda asked, path=path: app._call(path, orjson.dumps({**asked, "model": "tokens"})))
        for path in app.routes
    }

    report = await examine(
        made(
            "process_reward",
            FakeTransport({**replies, "/v1/models": (200, {"data": [{"id": "prm"}]})}),
        )
    )

    assert failed_checks(report)
