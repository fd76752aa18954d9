# The service, without any model: those are served by vLLM elsewhere. Build: docker build -t assay .
# By digest: a tag can be moved. `make pin-images` takes the tags' newest.
FROM python:3.11-slim@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93 AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY deploy/constraints.txt deploy/build.txt deploy/
COPY deploy/ensembles deploy/ensembles
COPY assay assay
COPY service service
COPY verifiers verifiers
COPY aggregation aggregation
# Only files whose hashes are pinned are installed, and only wheels: no package's set-up runs here but our own.
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes --only-binary :all: -r deploy/build.txt \
  && /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /dist .
RUN python -m venv /opt/assay && /opt/assay/bin/pip install --require-hashes --only-binary :all: -r deploy/constraints.txt \
  && /opt/assay/bin/pip install --no-deps --no-index /dist/*.whl && /opt/assay/bin/pip check

FROM python:3.11-slim@sha256:db3ff2e1800a8581e2c48a27c3995339d47bdf046da21c7627accd3d51053a93
COPY --from=build /opt/assay /opt/assay
RUN useradd --system --uid 10001 --create-home assay && mkdir -p /data && chown assay:assay /data
USER 10001
WORKDIR /data
VOLUME /data
# Inside a container, loopback is the container's own: publish the port to the host's loopback, or set ASSAY_API_KEYS.
ENV PATH=/opt/assay/bin:$PATH PYTHONUNBUFFERED=1 ASSAY_HOST=0.0.0.0 ASSAY_PORT=8080 ASSAY_DATA_DIR=/data ASSAY_LOG_JSON=true
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["assay"]
CMD ["serve"]
