"""Reasons without the machines that the service calls."""

from __future__ import annotations

import contextvars

import pytest

from assay.service.domain.principal import Principal, set_principal
from assay.service.domain.redaction import redacted_reason, without_addresses


@pytest.mark.parametrize(("reason", "shown"), [
    ("unreachable: cannot connect to http://10.0.0.7:8000: Connection refused", "unreachable"),
    ("upstream_5xx: no route to https://judge.corp:8443/v1 now", "upstream_5xx: no route to (an address) now"),
    ("upstream_4xx: 10.0.0.7:8000 and 192.168.1.1 say no", "upstream_4xx: (an address) and (an address) say no"),
    ("timeout: [fe80::1]:80 and 2001:db8::7 are slow", "timeout: (an address) and (an address) are slow"),
    ("error: judge-0.judges.svc.cluster.local failed", "error: (an address) failed"),
    ("error: localhost:8000 failed", "error: (an address) failed"),
    ("bad_reply: row 3: no number: 1.25", "bad_reply: row 3: no number: 1.25"),
    ("it compares the candidates of a query, and this one stands alone",) * 2,
])  # fmt: skip
def test_a_reason_names_no_machine(reason: str, shown: str) -> None:
    """It still names the failure."""
    assert without_addresses(reason) == shown


@pytest.mark.parametrize(
    ("scopes", "tasks", "sees"),
    [
        ({"rank"}, None, False),
        ({"rank", "label"}, None, False),
        ({"admin"}, frozenset({"t"}), False),
        ({"admin"}, None, True),
    ],
)
def test_only_an_administrator_of_all_tasks_sees_addresses(
    scopes: set[str], tasks: frozenset[str] | None, sees: bool
) -> None:
    """Others see the failure."""
    reason = "timeout: http://10.0.0.7:8000 is slow"

    def ask() -> str:
        set_principal(Principal("k", frozenset(scopes), tasks))
        return redacted_reason(reason)

    shown = contextvars.copy_context().run(ask)

    assert shown == (reason if sees else "timeout: (an address) is slow")


@pytest.mark.parametrize(
    "reason",
    [
        "too_long: 1.2.3 of 5,000, see 3.14 or 2024.01",
        "timeout",
        "error: KeyError in x.y of f(1:2)",
    ],
)
def test_what_is_no_address_stays(reason: str) -> None:
    """Numbers, versions and names of code."""
    assert without_addresses(reason) == reason
