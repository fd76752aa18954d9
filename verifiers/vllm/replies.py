"""The replies of vLLM's endpoints for several kinds: needed fields are checked, others ignored."""

from __future__ import annotations

from assay.verifiers.http.reply import Many, ReplyModel, Tokens


class TokenIds(ReplyModel):
    """`/tokenize`."""

    tokens: Many[int]


class Text(ReplyModel):
    """`/detokenize`."""

    prompt: str


class ClassRow(ReplyModel):
    """The probabilities, or logits, of one input's classes."""

    index: int
    probs: Many[float]


class Classes(ReplyModel):
    """`/classify`."""

    data: Many[ClassRow]
    usage: Tokens | None = None


class VectorRow(ReplyModel):
    """A vector a token, or a step, of one input."""

    index: int
    data: Many[Many[float]]


class Vectors(ReplyModel):
    """`/pooling`."""

    data: Many[VectorRow]
    usage: Tokens | None = None


class ScoreRow(ReplyModel):
    """One input's score."""

    index: int
    score: float


class Scores(ReplyModel):
    """`/score` and `/generative_scoring`."""

    data: Many[ScoreRow]
    usage: Tokens | None = None
