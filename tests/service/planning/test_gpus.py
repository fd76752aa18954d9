"""The GPUs of a machine."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.planning.gpus import Gpu, parse


@pytest.mark.parametrize(
    "spec",
    ["", "8", "A100", "0xA100-80G", "8xA100", "8xA100-80", "A100-0G", "1xA100-80G,", "auto!"],
)
def test_gpus_that_are_none_are_refused(spec: str) -> None:
    """With the form that is expected."""
    with pytest.raises(StartupError, match="COUNTxNAME-SIZEG"):
        parse(spec)


def test_gpus_have_any_name() -> None:
    """A count or none, a fraction of a GiB, several kinds."""
    gpus = parse("2xRTX 6000 Ada-48G,MI300X-191.5GB")

    assert gpus == [Gpu(0, "RTX 6000 Ada", 48), Gpu(1, "RTX 6000 Ada", 48), Gpu(2, "MI300X", 191.5)]
