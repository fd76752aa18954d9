"""Every option of the service."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from assay.service.config.settings import (
    VARIABLE_PREFIX,
    FileContext,
    ServiceSettings,
    from_environment,
)
from assay.service.store.url import parse_address


def test_lists_may_come_as_one_text() -> None:
    """As an environment variable or a flag has them."""
    settings = ServiceSettings.model_validate(
        {"allowed_hosts": "A.example, *.b ,", "api_keys": " x,y "}
    )

    assert settings.allowed_hosts == ("a.example", "*.b")
    assert [key.get_secret_value() for key in settings.api_keys] == ["x", "y"]
    assert "x" not in repr(settings.api_keys)


@pytest.mark.parametrize(
    ("value", "read"), [(False, "off"), (True, "quick"), ("off", "off"), ("full", "full")]
)
def test_a_bare_off_is_a_word(value: object, read: str) -> None:
    """YAML takes it for false."""
    assert ServiceSettings.model_validate({"doctor": value}).doctor == read


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"client_key": "/k.pem"}, "`client_key` needs `client_cert`"),
        ({"allowed_hosts": ["http://h"]}, "names without scheme and port"),
        ({"redis_url": "http://h"}, "redis"),
        ({"proxy": "ftp://h"}, "proxy"),
        ({"ca_file": "/nowhere.pem"}, "nowhere.pem"),
        ({"traces": "ftp://h"}, "pattern"),
        ({"log_level": "loud"}, "pattern"),
        ({"port": 65536}, "65535"),
        ({"prot": 1}, "extra"),
    ],
)
def test_a_wrong_option_stops_the_start(wrong: dict[str, Any], message: str) -> None:
    """A typo as well as a value that cannot be."""
    with pytest.raises(ValidationError, match=message):
        ServiceSettings.model_validate(wrong, context=FileContext(parse_address))


def test_upstreams_are_reached_as_the_options_say() -> None:
    """Through the proxy that they name, or the environment's."""
    settings = ServiceSettings.model_validate({"proxy": "http://u:p@h:1"})

    assert settings.network.proxy == "http://u:p@h:1"
    assert ServiceSettings.model_validate({"proxy": "env"}).network.proxy == "env"
    assert ServiceSettings().network.proxy is None


def test_only_our_variables_of_the_environment_are_options() -> None:
    """By field name, as texts; an empty one counts."""
    environment = {"ASSAY_PORT": "1", "ASSAY_ROOT_PATH": "", "PORT": "2", "ASSAY_UNKNOWN": "3"}

    assert from_environment(environment) == {"port": "1", "root_path": ""}
    assert VARIABLE_PREFIX == "ASSAY_"
