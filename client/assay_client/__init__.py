"""Client of Assay: post a query and its candidates, and get to know which to trust."""

from .answers import PairScore, Ranked, Ranking, Scores, Usage, VerifierWord
from .best_of_n import BestOfN, abest_of_n, best_of_many, best_of_n
from .client import AsyncClient, Client
from .errors import AssayError, NoScoreError, OverloadedError, RequestError, UnreachableError

__all__ = [
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
    "Scores",
    "UnreachableError",
    "Usage",
    "VerifierWord",
    "abest_of_n",
    "best_of_many",
    "best_of_n",
]
