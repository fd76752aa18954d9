# syntax=docker/dockerfile:1
# The service, without any model: those are served by vLLM elsewhere. Build: docker build -t assay .
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY deploy/constraints.txt deploy/constraints.txt
COPY deploy/ensembles deploy/ensembles
COPY service service
COPY verifiers verifiers
COPY aggregation aggregation
RUN python -m venv /opt/assay && /opt/assay/bin/pip install --constraint deploy/constraints.txt '.[cpu,otel]'

FROM python:3.11-slim
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
