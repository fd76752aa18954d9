"""Addresses of stores."""

from __future__ import annotations

import pytest

from assay.service.store.url import parse_address


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://x", "must begin with redis://"),
        ("redis+sentinel://h:1", "must name the service after the hosts"),
        ("redis+cluster://h:1/3", "a cluster has no numbered databases"),
        ("redis+cluster://h:1,:2", "':2' is not a host"),
        ("redis+cluster://[::1:7000", "Invalid IPv6 URL"),
        ("redis://", "must begin with"),
    ],
)
def test_a_wrong_address_is_told_from_a_right_one(url: str, problem: str) -> None:
    """The error names the fault, and never the password."""
    with pytest.raises(ValueError, match=problem):
        parse_address(url)


def test_an_address_says_all_there_is_to_say() -> None:
    """Hosts, service, database, user, TLS and options."""
    found = parse_address(
        "rediss+sentinel://ann:pw@a:1,b/main/3?ssl_cert_reqs=none&health_check_interval=5"
    )

    assert (found.how, found.hosts, found.service) == ("sentinel", (("a", 1), ("b", 26379)), "main")
    assert found.options == {
        "username": "ann",
        "password": "pw",
        "db": 3,
        "ssl": True,
        "ssl_cert_reqs": "none",
        "health_check_interval": 5,
    }
    assert parse_address("redis+cluster://[::1]:7000,h").hosts == (("::1", 7000), ("h", 6379))
    assert parse_address("rediss://u:p@h:1/2").how == ""
