"""The failures that callers tell apart, and errors of a start; none knows of HTTP."""


class StartupError(Exception):
    """The service cannot start; the message gives the cause and a remedy."""


class StoreError(Exception):
    """A call to the store came to nothing; `reason` is a word of the tables in `store.errors`."""

    def __init__(self, message: str, reason: str = "away") -> None:
        super().__init__(message)
        self.reason = reason


class StoreDownError(StoreError):
    """The store does not answer, or is not ready yet; the service goes on without it."""


class StoreRefusedError(StoreError):
    """The store answers, and refuses this call; others it may grant."""


class NoNewsError(Exception):
    """The store does not offer news; the listener has to poll."""


class DomainError(Exception):
    """A failure that the client sees: `code` names it, and `param` names the wrong field."""

    code = ""

    def __init__(
        self, message: str, *, param: str | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.param, self.retry_after_s = param, retry_after_s


class NoVerifierError(DomainError):
    """No verifier could score any candidate; `reasons` says why, by verifier.

    `failed`: whether one is away or broken, so that another try may help. If not, all have
    answered, and had no score for these texts.
    """

    code = "no_verifier"

    def __init__(self, reasons: dict[str, str], failed: bool = True) -> None:
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        message = "no verifier could answer" if failed else "no verifier has a score for it"
        super().__init__(f"{message} ({listed})", retry_after_s=1 if failed else None)
        self.reasons = reasons


class TooMuchWorkError(DomainError):
    """The service has as much under way as it is allowed."""

    code = "too_much_work"

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}: try again shortly", retry_after_s=1)


class LimitReachedError(DomainError):
    """A key has reached its limit of requests or of cost; `what` says which."""

    def __init__(self, message: str, what: str, retry_after_s: int) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.code = f"{what}_limit_reached"


class GeneratorError(DomainError):
    """A candidate-drawing server failed; `upstream_status` is its HTTP status, if it answered."""

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.upstream_status = upstream_status


class GeneratorTimeoutError(GeneratorError):
    """It did not answer in time."""

    code = "upstream_timeout"


class GeneratorUnreachableError(GeneratorError):
    """It cannot be reached."""

    code = "upstream_unreachable"


class GeneratorReplyError(GeneratorError):
    """It answered something else than a completion."""

    code = "upstream_bad_reply"


class GeneratorKeyError(GeneratorError):
    """It refuses the operator's key."""

    code = "upstream_refused_key"


class GeneratorFailedError(GeneratorError):
    """It failed at this request."""

    code = "upstream_failed"


class GeneratorOverloadedError(GeneratorError):
    """It has too much to do."""

    code = "upstream_overloaded"


class GeneratorRefusedError(GeneratorError):
    """It finds fault with the request itself."""

    code = "upstream_refused"
