"""The replies of vLLM's endpoints that several kinds read: what is needed is checked, the rest is passed over."""

from __future__ import annotations

from .upstream import ReplyModel, Tokens


class TokenIds(ReplyModel):
    """`/tokenize`."""

    tokens: list[int]


class Text(ReplyModel):
    """`/detokenize`."""

    prompt: str


class ClassRow(ReplyModel):
    """The probabilities, or logits, of one input's classes."""

    index: int
    probs: list[float]


class Classes(ReplyModel):
    """`/classify`."""

    data: list[ClassRow]
    usage: Tokens | None = None


class VectorRow(ReplyModel):
    """A vector a token, or a step, of one input."""

    index: int
    data: list[list[float]]


class Vectors(ReplyModel):
    """`/pooling`."""

    data: list[VectorRow]
    usage: Tokens | None = None


class ScoreRow(ReplyModel):
    """One input's score."""

    index: int
    score: float


class Scores(ReplyModel):
    """`/score` and `/generative_scoring`."""

    data: list[ScoreRow]
    usage: Tokens | None = None
