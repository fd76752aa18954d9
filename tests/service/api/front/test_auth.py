"""Keys by hash, and the scope that each request needs."""

from __future__ import annotations

from assay.service.api.front.auth import KeyRing, needed, new_key


def test_keys_are_compared_whole_and_by_hash() -> None:
    """The hash itself is no key, and an upper-case scheme is a scheme."""
    key, entry = new_key("a", ["rank"], None)
    keys = KeyRing(["plain"], [entry])

    assert key not in entry.model_dump_json()
    assert (found := keys.holder(f"BEARER {key}".encode())) is not None
    assert (found.name, sorted(found.scopes)) == ("a", ["rank"])
    assert keys.holder(f"Bearer {entry.sha256}".encode()) is None
    assert keys.holder(f"Basic {key}".encode()) is None
    assert keys.holder(b"") is None
    assert not KeyRing([], [])


def test_what_has_no_scope_is_the_administrators() -> None:
    """A path that is added later is closed until it is opened."""
    assert needed("POST", "/v1/tasks/t/anything", False) == "admin"
    assert needed("DELETE", "/v1/tasks/t/labels", False) == "admin"
    assert needed("GET", "/v1/rank", True) == "admin"
