"""The paths that middlewares treat apart."""

METRICS, READINESS = "/metrics", "/readyz"
#: Paths that show a caller without rights nothing of traffic or configuration, and that need no
#: key.
OPEN = frozenset({"/", "/docs", "/docs/oauth2-redirect", "/openapi.json", "/healthz", READINESS})
#: Of those, what is probed under any name.
PROBES = frozenset({"/healthz", READINESS})
#: What a key may ask without being counted: what is looked at every few seconds, and costs nothing.
NOT_COUNTED = frozenset({*OPEN, METRICS, "/v1/models"})
