"""Secrets that are never printed: passwords in addresses, and keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from assay import service
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.secrets import error_line, mask_event, masked, shown_value
from assay.service.store.errors import classified

SECRET = "s3cr3t"


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
        error_line(pipeline)
        == "ResponseError: Command # 3 of pipeline caused error: ('WRONGTYPE no hash',)"
    )
    assert (
        error_line(unknown)
        == "ResponseError: unknown command 'MSETEX', with args beginning with: ..."
    )
    assert not [
        each
        for each in (pipeline, unknown)
        if "private" in str(classified(each)) + error_line(classified(each))
    ]
    assert (
        error_line(OSError(f"redis://u:{SECRET}@h:1 is away\nand more"))
        == "OSError: redis://***@h:1 is away"
    )
    assert len(error_line(ValueError("x" * 10**6))) == 200


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


def test_a_secret_settings_value_is_never_shown() -> None:
    """Wherever it lies; others are shown masked and cut."""
    assert shown_value(("service", "redis_url"), "x") == ""
    assert shown_value(("service", "keys", 0, "sha256"), "x") == ""
    assert shown_value(("service", "port"), "x" * 100) == f" (got {'x' * 80!r})"
    assert shown_value(("service", "traces"), "ftp://u:s3cr3t@h") == " (got 'ftp://***@h')"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("sk-" + "a" * 16, "sk-***"),
        ("token hf_" + "a" * 20 + " is wrong", "token hf_*** is wrong"),
        ("sk-short", "sk-short"),
        ("task-" + "a" * 20, "task-" + "a" * 20),
        ("a://u:p@h b://v:q@g", "a://***@h b://***@g"),
    ],
)
def test_keys_of_any_make_are_masked(text: str, plain: str) -> None:
    """And every address of a text."""
    assert masked(text) == plain
