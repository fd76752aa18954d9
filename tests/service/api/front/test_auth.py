"""Keys by hash, and the scope that each request needs."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("method", "path", "scores", "scope"),
    [
        ("POST", "/v1/rank", True, "rank"),
        ("GET", "/v1/models", False, "rank"),
        ("GET", "/v1/tasks/math", False, "rank"),
        ("GET", "/v1/tasks/math/", False, "rank"),
        ("POST", "/v1/tasks/math/labels", False, "label"),
        ("GET", "/v1/tasks/math/to-label", False, "label"),
        ("GET", "/v1/tasks/math/labels", False, "admin"),
        ("POST", "/v1/tasks/math/labels/withdraw", False, "label"),
        ("DELETE", "/v1/tasks/math/labels/a:b", False, "label"),
        ("DELETE", "/v1/tasks/math/labels/a:b/c", False, "admin"),
        ("DELETE", "/v1/tasks/math/models/1", False, "admin"),
        ("POST", "/v1/tasks/math", False, "admin"),
        ("POST", "/v1/tasks/math/labels/exported", False, "admin"),
    ],
)
def test_each_path_needs_one_scope(method: str, path: str, scores: bool, scope: str) -> None:
    """To read labels is more than to give them."""
    assert needed(method, path, scores) == scope


def test_a_plain_key_may_do_everything_and_a_hashed_one_what_its_entry_says() -> None:
    """Limits, priority and whether it teaches are the entry's."""
    key, entry = new_key(
        "a", ["label"], ["math"], requests="5/minute", priority="bulk", learn=False
    )
    keys = KeyRing(["plain"], [entry])

    plain, hashed = keys.holder(b"Bearer plain"), keys.holder(f"Bearer {key}".encode())

    assert plain is not None
    assert (plain.name, plain.tasks, plain.limited) == ("api_keys", None, False)
    assert plain.scopes == {"rank", "label", "admin"}
    assert hashed is not None
    assert (hashed.tasks, hashed.bulk, hashed.limited) == (frozenset({"math"}), True, True)
    assert (plain.teaches, hashed.teaches) == (True, False)
