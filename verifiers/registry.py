"""The kinds of verifier by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from .arithmetic import Arithmetic, ArithmeticSettings
from .base import Verifier
from .completeness import Completeness, CompletenessSettings
from .consensus import Consensus, ConsensusSettings
from .cross_encoder import CrossEncoder, CrossEncoderSettings
from .judge import Judge, JudgeSettings
from .process_reward import ProcessReward, ProcessRewardSettings
from .relevance import Relevance, RelevanceSettings
from .reward_model import RewardModel, RewardModelSettings
from .settings import VerifierSettings
from .transport import Transport


class Kind(NamedTuple):
    """A kind: its part of the configuration, how one is made, and the version of what its scores mean."""

    settings: type[VerifierSettings]
    build: Callable[[Any, Transport], Verifier]
    version: int = 1


KINDS: dict[str, Kind] = {
    "arithmetic": Kind(ArithmeticSettings, lambda settings, _: Arithmetic(settings)),
    "completeness": Kind(CompletenessSettings, lambda settings, _: Completeness(settings)),
    "consensus": Kind(ConsensusSettings, lambda settings, _: Consensus(settings)),
    "cross_encoder": Kind(CrossEncoderSettings, CrossEncoder),
    "judge": Kind(JudgeSettings, Judge),
    "process_reward": Kind(ProcessRewardSettings, ProcessReward),
    "relevance": Kind(RelevanceSettings, lambda settings, _: Relevance(settings)),
    "reward_model": Kind(RewardModelSettings, RewardModel),
}


def build(settings: VerifierSettings, transport: Transport) -> Verifier:
    """Return the verifier that its settings describe."""
    return KINDS[settings.kind].build(settings, transport)


def fingerprint(settings: VerifierSettings) -> bytes:
    """Return 8 bytes that change with everything that determines a score: kind, model, revision, prompt, parameters.

    Where a model is served, what it costs and how long it may take do not.
    """
    described = {"kind": settings.kind, "version": KINDS[settings.kind].version, **settings.scoring_parameters()}
    return hashlib.blake2b(json.dumps(described, sort_keys=True).encode(), digest_size=8).digest()
