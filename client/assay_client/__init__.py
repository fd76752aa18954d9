"""Client of Assay: post a query and its candidates, and get to know which to trust."""

from .answers import PairScore, Ranked, Ranking, Scores, Usage, VerifierWord
from .best_of_n import BestOfN, SomeFailedError, abest_of_n, best_of_many, best_of_n
from .client import AsyncClient, Client
from .errors import (
    AnswerTimeoutError,
    AssayError,
    NoScoreError,
    OverloadedError,
    RequestError,
    UnreachableError,
    UrlError,
    VersionChangedError,
)
from .retrying import Retrying
from .run import Run

__all__ = [
    "AnswerTimeoutError",
    "AssayError",
    "AsyncClient",
    "BestOfN",
    "Client",
    "NoScoreError",
    "OverloadedError",
    "PairScore",
    "Ranked",
    "Ranking",
    "RequestError",
    "Retrying",
    "Run",
    "Scores",
    "SomeFailedError",
    "UnreachableError",
    "UrlError",
    "Usage",
    "VerifierWord",
    "VersionChangedError",
    "abest_of_n",
    "best_of_many",
    "best_of_n",
]
