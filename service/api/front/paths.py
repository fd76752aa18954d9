"""The paths that middlewares treat apart."""

METRICS, READINESS = "/metrics", "/readyz"
#: Paths that show a caller without rights nothing of traffic or configuration, and that need no
#: key.
OPEN = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", READINESS})
#: Those of them that probes reach under any name.
PROBES = frozenset({"/healthz", READINESS})
#: Requests of a key that do not count: monitors send them every few seconds, and they cost nothing.
NOT_COUNTED = frozenset({*OPEN, METRICS, "/v1/models"})
