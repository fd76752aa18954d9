#!/usr/bin/env bash
# Checks the image without a Docker engine: lints the Dockerfile, then runs its steps in a clean environment.
#   deploy/check_image.sh PYTHON BIN
set -euo pipefail
python=$1 bin=$(realpath "$2") top=$(git rev-parse --show-toplevel)
"$bin/hadolint" "$top/Dockerfile" && echo "hadolint: no findings"

work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/src" "$work/data"
# What the build context holds is what .dockerignore lets in.
(cd "$top" && tar -c --exclude=__pycache__ pyproject.toml README.md LICENSE NOTICE deploy/constraints.txt deploy/build.txt deploy/ensembles assay service verifiers aggregation) \
  | tar -x -C "$work/src"
pinned=(install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r)
"$python" -m venv "$work/build"
"$work/build/bin/pip" "${pinned[@]}" "$work/src/deploy/build.txt"
"$work/build/bin/pip" wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$work/dist" "$work/src"
"$python" -m venv "$work/assay"
"$work/assay/bin/pip" "${pinned[@]}" "$work/src/deploy/constraints.txt"
"$work/assay/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-index "$work"/dist/*.whl
"$work/assay/bin/pip" check
rm -rf "$work/src" "$work/build"
echo "the image's packages: $(du -sm "$work/assay" | cut -f1) MB on python:3.11-slim, $(grep -c == "$top/deploy/constraints.txt") of them"

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$work/data"
env -u PYTHONPATH ASSAY_PORT="$port" ASSAY_DATA_DIR="$work/data" ASSAY_LOG_JSON=true "$work/assay/bin/assay" serve > "$work/log" 2>&1 &
server=$! began=$(date +%s%N)
for _ in $(seq 100); do
  "$python" -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/healthz', timeout=2)" 2>/dev/null && break
  sleep 0.2
done
echo "from start to the first answer: $((($(date +%s%N) - began) / 1000000)) ms"
"$python" - "$port" <<'PY'
import json, sys, urllib.request

body = {"query": "What is 3 + 4?", "candidates": ["3 + 4 = 7. The answer is 7.", "3 + 4 = 8. The answer is 8."]}
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/v1/rank", json.dumps(body).encode(), {"content-type": "application/json"})
answer = json.load(urllib.request.urlopen(request, timeout=60))
assert answer["results"][0]["index"] == 0, answer
print("the image's own steps serve the default ensemble:", answer["results"][0])
PY
