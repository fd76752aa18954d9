"""The application as it is built."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assay.service.api.app import assay_version, create_app
from assay.service.api.compat.routes import COMPAT_ROUTES
from assay.service.runtime.configuration import load_config
from tests.support.servers.processes import write_config
from tests.support.servers.secured import CHECK


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The OpenAPI document of a service with one check."""
    folder: Path = tmp_path_factory.mktemp("app")
    config = load_config(write_config(folder / "e.yaml", CHECK), {}, {})
    document: dict[str, Any] = create_app(config).app.openapi()
    return document


def test_the_document_has_all_routes(document: dict[str, Any]) -> None:
    """Our own, those of tasks and labels, and other services'."""
    ours = {"/v1/rank", "/v1/score_pairs", "/v1/tasks/{name}/labels", "/v1/tasks/{name}/fit"}

    assert (ours | COMPAT_ROUTES.keys()) <= document["paths"].keys()
    assert "/" not in document["paths"]


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    """Handlers that read their bodies themselves bring their forms along."""
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))

    assert {"CandidateIn", "PairIn", "LabelIn", "TurnIn"} <= named
    assert named <= document["components"]["schemas"].keys()


def test_the_version_is_the_installed_one(document: dict[str, Any]) -> None:
    """The document states it."""
    assert document["info"]["version"] == assay_version()
    assert re.match(r"\d+\.\d+", assay_version())
