"""The kinds of verifier by name: those here, and those that installed packages bring."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from assay.verifiers.checks.arithmetic import Arithmetic, ArithmeticSettings
from assay.verifiers.checks.completeness import Completeness, CompletenessSettings
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings
from assay.verifiers.checks.json_schema import JsonSchema, JsonSchemaSettings
from assay.verifiers.checks.length import Length, LengthSettings
from assay.verifiers.checks.math_answer import MathAnswer, MathAnswerSettings
from assay.verifiers.checks.python_tests import PythonTests, PythonTestsSettings
from assay.verifiers.checks.refusal import Refusal, RefusalSettings
from assay.verifiers.checks.regex_match import Regex, RegexSettings
from assay.verifiers.checks.repetition import Repetition, RepetitionSettings
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Verifier
from assay.verifiers.encoders.cross_encoder import CrossEncoder, CrossEncoderSettings
from assay.verifiers.encoders.embedding_consensus import (
    EmbeddingConsensus,
    EmbeddingConsensusSettings,
)
from assay.verifiers.encoders.nli import Nli, NliSettings
from assay.verifiers.encoders.relevance import Relevance, RelevanceSettings
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.debate import JudgeDebate, JudgeDebateSettings
from assay.verifiers.judges.generative_scoring import GenerativeScoring, GenerativeScoringSettings
from assay.verifiers.judges.pairwise import JudgePairwise, JudgePairwiseSettings
from assay.verifiers.judges.reasoning import JudgeCot, JudgeCotSettings
from assay.verifiers.judges.reference import JudgeReference, JudgeReferenceSettings
from assay.verifiers.judges.rubric import JudgeRubric, JudgeRubricSettings
from assay.verifiers.judges.scale import JudgeScale, JudgeScaleSettings
from assay.verifiers.judges.verdict import Judge, JudgeSettings
from assay.verifiers.rewards.http_scorer import HttpScorer, HttpSettings
from assay.verifiers.rewards.implicit_prm import ImplicitPrm, ImplicitPrmSettings
from assay.verifiers.rewards.label_token_prm import LabelTokenPrm, LabelTokenPrmSettings
from assay.verifiers.rewards.likelihood import LikelihoodSettings, LikelihoodVerifier
from assay.verifiers.rewards.process_reward import ProcessReward, ProcessRewardSettings
from assay.verifiers.rewards.reward_model import RewardModel, RewardModelSettings
from assay.verifiers.rewards.reward_tokens import RewardTokens, RewardTokensSettings

#: Where installed packages name kinds of their own: `my_kind = "package.module:KIND"`, a `Kind`.
ENTRY_POINTS = "assay.verifiers"


class Kind(NamedTuple):
    """A kind: its settings, its builder, and the version of its scores' meaning."""

    settings: type[VerifierSettings]
    build: Callable[[Any, Transport], Verifier]
    version: int = 1


KINDS: dict[str, Kind] = {
    "arithmetic": Kind(ArithmeticSettings, lambda settings, _: Arithmetic(settings)),
    "completeness": Kind(CompletenessSettings, lambda settings, _: Completeness(settings)),
    "consensus": Kind(ConsensusSettings, lambda settings, _: Consensus(settings), 2),
    "cross_encoder": Kind(CrossEncoderSettings, CrossEncoder, 2),
    "embedding_consensus": Kind(EmbeddingConsensusSettings, EmbeddingConsensus),
    "generative_scoring": Kind(GenerativeScoringSettings, GenerativeScoring),
    "http": Kind(HttpSettings, HttpScorer),
    "implicit_prm": Kind(ImplicitPrmSettings, ImplicitPrm),
    "json_schema": Kind(JsonSchemaSettings, lambda settings, _: JsonSchema(settings)),
    "judge": Kind(JudgeSettings, Judge, 2),
    "judge_cot": Kind(JudgeCotSettings, JudgeCot),
    "judge_debate": Kind(JudgeDebateSettings, JudgeDebate),
    "judge_pairwise": Kind(JudgePairwiseSettings, JudgePairwise),
    "judge_reference": Kind(JudgeReferenceSettings, JudgeReference),
    "judge_rubric": Kind(JudgeRubricSettings, JudgeRubric),
    "judge_scale": Kind(JudgeScaleSettings, JudgeScale),
    "label_token_prm": Kind(LabelTokenPrmSettings, LabelTokenPrm),
    "length": Kind(LengthSettings, lambda settings, _: Length(settings)),
    "likelihood": Kind(LikelihoodSettings, LikelihoodVerifier),
    "math_answer": Kind(MathAnswerSettings, lambda settings, _: MathAnswer(settings)),
    "nli": Kind(NliSettings, Nli),
    "process_reward": Kind(ProcessRewardSettings, ProcessReward, 2),
    "python_tests": Kind(PythonTestsSettings, lambda settings, _: PythonTests(settings)),
    "refusal": Kind(RefusalSettings, lambda settings, _: Refusal(settings), 2),
    "regex": Kind(RegexSettings, lambda settings, _: Regex(settings)),
    "relevance": Kind(RelevanceSettings, lambda settings, _: Relevance(settings)),
    "repetition": Kind(RepetitionSettings, lambda settings, _: Repetition(settings)),
    "reward_model": Kind(RewardModelSettings, RewardModel, 2),
    "reward_tokens": Kind(RewardTokensSettings, RewardTokens),
}

#: Kinds of installed packages that could not be loaded, with the reason.
BROKEN: dict[str, str] = {}


def add_installed() -> None:
    """Add the kinds that installed packages bring; it notes one that cannot be loaded, and goes on.

    Readers of configurations call it, and not the import: those packages import this one.
    """
    for point in entry_points(group=ENTRY_POINTS):
        where = f"{point.value} of {point.dist.name if point.dist else 'an unknown package'}"
        try:
            kind = point.load()
        # a foreign package may fail in any way; `config check` and the start report it
        except Exception as exc:
            BROKEN[point.name] = f"{where}: {type(exc).__name__}: {exc}"
            continue
        if KINDS.get(point.name) is kind:
            continue
        if point.name in KINDS:
            BROKEN[point.name] = f"{where}: a kind of that name exists already"
        elif not isinstance(kind, Kind) or not issubclass(kind.settings, VerifierSettings):
            BROKEN[point.name] = f"{where}: must be a `assay.verifiers.Kind(settings, build)`"
        else:
            KINDS[point.name] = kind


def build(settings: VerifierSettings, transport: Transport) -> Verifier:
    """Return the verifier that its settings describe."""
    return KINDS[settings.kind].build(settings, transport)


def fingerprint(settings: VerifierSettings) -> bytes:
    """Return 8 bytes that change with everything that determines a score.

    That is kind, model, revision, prompt and parameters, but not the place of a model, its cost
    or its time limit.
    """
    described = {
        "kind": settings.kind,
        "version": KINDS[settings.kind].version,
        **settings.scoring_parameters(),
    }
    return hashlib.blake2b(json.dumps(described, sort_keys=True).encode(), digest_size=8).digest()
