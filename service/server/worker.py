"""The code of each worker process of a service with several."""

from __future__ import annotations

import os
from pathlib import Path

from assay.service.api.app import create_app
from assay.service.api.front.middleware.stack import MiddlewareStack
from assay.service.runtime.configuration import load_config
from assay.service.server.orphans import end_with_parent
from assay.service.telemetry.logs import configure_logging

#: The environment variable through which worker processes get the command line's options.
CONFIG_VARIABLE = "ASSAY_CONFIG"
#: … and which start of the service they belong to.
START_VARIABLE = "ASSAY_START"


def worker_app() -> MiddlewareStack:
    """Return the application as configured by the environment, in each worker process."""
    end_with_parent()
    config = load_config(Path(os.environ[CONFIG_VARIABLE]))
    configure_logging(config.service)
    return create_app(config, start=os.environ[START_VARIABLE])
