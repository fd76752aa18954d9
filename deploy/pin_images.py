"""Writes the present digests of foreign images' tags into all files that name them.

python deploy/pin_images.py [--check]        needs docker and a network; --check writes nothing and
fails where one has changed
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
FILES = [
    "Dockerfile",
    "deploy/compose.cpu.yaml",
    "deploy/compose.gpu.yaml",
    "deploy/helm/assay/values.yaml",
    "service/planning/compose.yaml",
    "service/planning/kubernetes.yaml",
    "service/planning/manifests.py",
]
IMAGE = re.compile(
    r"(?P<tagged>(?:python:3\.\d+-slim|valkey/valkey:[\w.]+|vllm/vllm-openai:v[\w.]+|prom/prometheus:v[\w.]+|grafana/grafana:[\w.]+))"
    r"(?:@sha256:[0-9a-f]{64})?"
)


def digest_of(tagged: str) -> str:
    """Return the digest of a tag's index, which covers every platform.

    Raises `SystemExit` where docker does not know it.
    """
    command = [
        "docker",
        "buildx",
        "imagetools",
        "inspect",
        tagged,
        "--format",
        "{{.Manifest.Digest}}",
    ]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own words
    except (OSError, subprocess.CalledProcessError) as exc:
        raise SystemExit(
            f"{tagged}: docker tells no digest: {getattr(exc, 'stderr', '') or exc}".strip()
        ) from exc
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", answer):
        raise SystemExit(f"{tagged}: docker's answer is no digest (got {answer[:80]!r})")
    return answer


def main() -> None:
    """Pin, or check."""
    check = sys.argv[1:] == ["--check"]
    texts = {name: (TOP / name).read_text(encoding="utf-8") for name in FILES}
    tags = sorted({match["tagged"] for text in texts.values() for match in IMAGE.finditer(text)})
    digests = {tagged: digest_of(tagged) for tagged in tags}
    changed = []
    for name, text in texts.items():
        pinned = IMAGE.sub(lambda match: f"{match['tagged']}@{digests[match['tagged']]}", text)
        if pinned != text:
            changed.append(name)
            if not check:
                (TOP / name).write_text(pinned, encoding="utf-8")
    pinned_tags = [f"{tagged}@{digests[tagged]}" for tagged in tags]
    lines = [*pinned_tags, *(f"changed: {name}" for name in changed)]
    print("\n".join(lines))  # noqa: T201 - the command's output
    raise SystemExit(bool(check and changed))


if __name__ == "__main__":
    main()
