"""Names and addresses by which clients may reach a service."""

from __future__ import annotations

import pytest

from assay.service.domain.hosts import Hosts, address_of, checked_host, split_host


def test_a_host_is_a_name_or_an_address() -> None:
    """Without port and brackets."""
    assert split_host("A.b:1") == ("a.b", 1)
    assert split_host("[::1]") == ("::1", None)
    assert [split_host(host) for host in ("", ".", "a:b", "::1", "[a]", "a:1:2", "a:123456")] == [
        None
    ] * 7


def test_only_an_address_stands_in_brackets() -> None:
    """A port is a number of up to five figures, and a name may end in its root's dot."""
    assert split_host("[2001:db8::1]:8080") == ("2001:db8::1", 8080)
    assert split_host("[127.0.0.1]") is None
    assert split_host("assay.example.:80") == ("assay.example", 80)


@pytest.mark.parametrize(
    ("entry", "plain"),
    [
        (" Assay.Example ", "assay.example"),
        ("*", "*"),
        ("*.example.org", "*.example.org"),
        ("[::1]", "::1"),
        ("10.0.0.7", "10.0.0.7"),
    ],
)
def test_an_entry_is_compared_in_lower_case_and_without_brackets(entry: str, plain: str) -> None:
    """As a Host header is."""
    assert checked_host(entry) == plain


@pytest.mark.parametrize(
    "entry", ["", "http://h", "h:8080", "a b", "*.*.org", "h/", "-h", "a" * 300]
)
def test_an_entry_that_is_no_name_is_refused(entry: str) -> None:
    """With a right form."""
    with pytest.raises(ValueError, match="names without scheme and port"):
        checked_host(entry)


def test_a_service_on_a_network_is_reached_by_any_address_and_its_listed_names() -> None:
    """Rebinding needs a name that an attacker's DNS turns to us; an address is none."""
    hosts = Hosts(["assay.example", "*.apps.example"], "0.0.0.0")
    reached = [
        "10.0.0.7",
        "::1",
        "localhost",
        "assay.example",
        "a.apps.example",
        "a.b.apps.example",
    ]
    refused = ["evil.example", "apps.example", "x.assay.example", "fe80::1%eth0"]

    assert [name for name in reached if name not in hosts] == []
    assert [name for name in refused if name in hosts] == []


@pytest.mark.parametrize("bound", ["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1"])
def test_a_service_on_loopback_is_reached_by_loopbacks_addresses_alone(bound: str) -> None:
    """Another address leads elsewhere, unless it is listed."""
    hosts = Hosts(["10.0.0.8"], bound)

    assert [name in hosts for name in ("127.0.0.2", "::1", "localhost", "10.0.0.8")] == [True] * 4
    assert [name in hosts for name in ("10.0.0.7", "assay.example")] == [False] * 2


def test_a_star_is_any_name() -> None:
    """An operator may accept any name."""
    assert "evil.example" in Hosts(["*"], "127.0.0.1")


def test_an_ipv4_address_may_come_in_its_ipv6_form() -> None:
    """One with a zone is of one machine's own, and counts as a name."""
    assert address_of("::ffff:10.0.0.7") == address_of("10.0.0.7")
    assert address_of("fe80::1%eth0") is None
    assert address_of("h") is None
