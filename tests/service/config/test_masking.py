"""Passwords and keys are in no error of a start, and in no log line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from assay import service
from assay.service.config.loading import load_config
from assay.service.config.problems import ConfigError
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.secrets import mask_event, masked, told
from assay.service.runtime.background import reason_of
from assay.service.store.errors import classified
from assay.service.store.url import parse
from tests.support.processes import write_config

SECRET = "s3cr3t"
CONFIG = {"verifiers": [{"name": "v", "kind": "consensus"}]}


@pytest.mark.parametrize(
    "url",
    [
        f"redis://u:{SECRET}@h:x/0", f"redis://:{SECRET}/y@h:1", f"redis://u:a@{SECRET}@h:x", f"redis+cluster://u:pa/{SECRET}@h:1",
        f"redis+sentinel://u:{SECRET}@h:x/main", f"redis+cluster://u:{SECRET}@", f"redis://:{SECRET}/0", f"http://u:{SECRET}@h",
        f"redis+sentinel://u:{SECRET}@h:1", f"redis+cluster://u:{SECRET}@h:1/3", f"redis://u:{SECRET}@[::1", f"rediss://u:{SECRET}@h/0?db=x",
    ],
)  # fmt: skip
def test_an_address_that_is_wrong_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    """By the parser, by the environment, by a flag and by the file."""
    path = write_config(tmp_path / "e.yaml", CONFIG)
    inside = write_config(tmp_path / "f.yaml", {**CONFIG, "service": {"redis_url": url}})
    with pytest.raises(ValueError, match=r".") as parsed:
        parse(url)
    told = [str(parsed.value)]
    for where, flags, environ in (
        (path, {}, {"ASSAY_REDIS_URL": url}),
        (path, {"redis_url": url}, {}),
        (inside, {}, {}),
    ):
        with pytest.raises(ConfigError) as wrong:
            load_config(where, flags, environ)
        told.append(str(wrong.value))

    assert not [each for each in told if SECRET in each]
    assert all("redis_url" in each for each in told[1:])


@pytest.mark.parametrize(
    "service",
    [
        {"keys": [{"name": "k", "sha256": "assay-" + "k3y" * 14}]},
        {"keys": [{"name": "k", "sha256": "k3yk3yk3y"}]},
        {"keys": [{"name": "k3y k3y", "sha256": "0" * 64, "scopes": ["no"]}], "api_keys": 5},
        {"api_keys": [["k3y"]]},
        {"traces": "ftp://u:k3y@h"},
    ],
)
def test_a_key_in_the_wrong_place_is_not_printed(
    tmp_path: Path, service: dict[str, object]
) -> None:
    """Such as where its hash belongs, or in another service's address."""
    with pytest.raises(ConfigError) as wrong:
        load_config(write_config(tmp_path / "e.yaml", {**CONFIG, "service": service}), {}, {})

    assert "k3y" not in str(wrong.value).replace("k3y k3y", "")


@pytest.mark.parametrize("field", ["endpoint", "api_key_env"])
def test_an_upstreams_password_is_not_printed(tmp_path: Path, field: str) -> None:
    """In a verifier's settings, and in a gateway's."""
    given = {"endpoint": "http://u:s3cr3t@h:x", "api_key_env": ["sk-s3cr3ts3cr3ts3cr3t"]}[field]
    entry = {"name": "v", "model": "m", "endpoint": "http://h", field: given}
    for config in (
        {"verifiers": [{**entry, "kind": "judge"}]},
        {**CONFIG, "upstreams": [entry]},
    ):
        with pytest.raises(ConfigError) as wrong:
            load_config(write_config(tmp_path / "e.yaml", config), {}, {})
        assert "s3cr3t" not in str(wrong.value)


def test_log_lines_and_messages_lose_passwords_and_keys_and_nothing_else() -> None:
    """In any library's error."""
    event = mask_event(
        None,
        "",
        {"event": "store_down", "error": "cannot reach redis://u:s3@cr/et@h:1/0 now", "count": 3},
    )

    assert event == {
        "event": "store_down",
        "error": "cannot reach redis://***@h:1/0 now",
        "count": 3,
    }
    assert masked("Authorization: Bearer assay-" + "x" * 43) == "Authorization: Bearer ***"
    assert (
        masked("install assay-ensemble[cpu], see http://h/a and a@b.c")
        == "install assay-ensemble[cpu], see http://h/a and a@b.c"
    )
    assert len(masked("://" * 10**6 + "@")) <= 10_000


def test_an_error_is_logged_without_what_was_in_the_command_and_within_bounds() -> None:
    """The store and its client repeat keys, texts and values of a command."""
    text = "my private text (of pipeline) BUSY\nwith more"
    pipeline = ResponseError(
        f"Command # 3 (HSET assay:1:texts {text}) of pipeline caused error: ('WRONGTYPE no hash',)"
    )
    unknown = ResponseError(f"unknown command 'MSETEX', with args beginning with: 'a' '{text}'")

    refused = classified(pipeline)

    assert (type(refused), refused.reason) == (StoreRefusedError, "wrong_type")
    assert (
        told(pipeline)
        == "ResponseError: Command # 3 of pipeline caused error: ('WRONGTYPE no hash',)"
    )
    assert told(unknown) == "ResponseError: unknown command 'MSETEX', with args beginning with: ..."
    assert not [
        each
        for each in (pipeline, unknown)
        if "private" in str(classified(each)) + told(classified(each))
    ]
    assert (
        told(OSError(f"redis://u:{SECRET}@h:1 is away\nand more"))
        == "OSError: redis://***@h:1 is away"
    )
    assert len(told(ValueError("x" * 10**6))) == 200


def test_a_loop_that_fails_tells_no_password_in_readiness() -> None:
    """The reason is in the log as well as in `/readyz`."""
    assert SECRET not in reason_of(
        ExceptionGroup("g", [ConnectionError(f"no answer of redis://:{SECRET}@h:6379/0")])
    )


def test_no_log_line_has_an_error_as_it_is() -> None:
    """It may have texts, keys or addresses in it, and be of any length."""
    raw = re.compile(
        r"log\.\w+\([^\n]*(str|repr)\((exc|error)\)|log\.\w+\([^\n]*=(exc|error)[,)]|log\.\w+\([^\n]*\{(exc|error)[}!]"
    )
    package = Path(service.__file__).parent

    assert not [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if raw.search(path.read_text())
    ]
