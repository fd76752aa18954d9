"""Loads the configuration of a service or a command: the file, and what its values must fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.service.config.loading import read_config
from assay.service.config.model import Config
from assay.service.config.settings import FileContext
from assay.service.store.url import parse_address


def load_config(
    path: Path, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Config:
    """Return the checked configuration, environment and flags laid over its `service:`; raise
    `ConfigError`, also for an address that the store's client cannot read.
    """
    return read_config(path, FileContext(parse_address), flags, environ)
