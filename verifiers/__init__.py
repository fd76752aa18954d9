"""Asking verifiers, served or local, about the candidates of a query."""

from .base import LASTING, PARTIAL, SENT, Message, Pair, Query, Sent, Status, Usage, Verdict, Verdicts, Verifier, note_sent
from .errors import (
    BadReplyError,
    BreakerOpenError,
    LostError,
    MissingExtraError,
    OverloadedError,
    RefusedError,
    TooLongError,
    UnreachableError,
    UpstreamFailedError,
    VerifierError,
    VerifierTimeoutError,
)
from .findings import Finding, Grade
from .network import Network
from .owned import OWNER
from .registry import BROKEN, KINDS, Kind, add_installed, build, fingerprint
from .room import IN_BULK, Priority, Room
from .served import ServedVerifier
from .settings import ServedSettings, VerifierSettings
from .transport import TRACEPARENT, HttpPool, Transport
from .unseen import printable

__all__ = [
    "BROKEN",
    "IN_BULK",
    "KINDS",
    "LASTING",
    "OWNER",
    "PARTIAL",
    "SENT",
    "TRACEPARENT",
    "BadReplyError",
    "BreakerOpenError",
    "Finding",
    "Grade",
    "HttpPool",
    "Kind",
    "LostError",
    "Message",
    "MissingExtraError",
    "Network",
    "OverloadedError",
    "Pair",
    "Priority",
    "Query",
    "RefusedError",
    "Room",
    "Sent",
    "ServedSettings",
    "ServedVerifier",
    "Status",
    "TooLongError",
    "Transport",
    "UnreachableError",
    "UpstreamFailedError",
    "Usage",
    "Verdict",
    "Verdicts",
    "Verifier",
    "VerifierError",
    "VerifierSettings",
    "VerifierTimeoutError",
    "add_installed",
    "build",
    "fingerprint",
    "note_sent",
    "printable",
]
