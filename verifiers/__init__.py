"""Asking verifiers, served or local, about the candidates of a query."""

from assay.verifiers.contract.errors import (
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
from assay.verifiers.contract.findings import Finding, Grade
from assay.verifiers.contract.settings import ServedSettings, VerifierSettings
from assay.verifiers.contract.verifier import (
    LASTING,
    PARTIAL,
    SENT,
    Message,
    Pair,
    Query,
    Sent,
    Status,
    Usage,
    Verdict,
    Verdicts,
    Verifier,
    note_sent,
)
from assay.verifiers.http.connection_pool import TRACEPARENT, HttpPool, Transport
from assay.verifiers.http.network import Network
from assay.verifiers.http.priority_semaphore import IN_BULK, Priority, PrioritySemaphore
from assay.verifiers.registry import BROKEN, KINDS, Kind, add_installed, build, fingerprint
from assay.verifiers.safety.invisible import printable
from assay.verifiers.safety.owner_memory import OWNER
from assay.verifiers.vllm.served import ServedVerifier

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
    "PrioritySemaphore",
    "Query",
    "RefusedError",
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
