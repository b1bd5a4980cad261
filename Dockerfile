# syntax=docker/dockerfile:1
#
# The server as an image.
#
#   docker build -t autoquality .                      CPU, the default
#   docker build -t autoquality:slim --target slim .   without TensorFlow: bundled networks only
#   docker build -t autoquality:gpu --target gpu .     with CUDA for the networks
#   docker run --rm -p 50051:50051 -p 9464:9464 autoquality
#
# The packages are installed by tools/install-server.sh, which the tests run too.
# `make image-test` builds the images and tests them.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# --- what all images are made from ------------------------------------------

FROM ${PYTHON_IMAGE} AS source
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY requirements requirements
COPY tools tools
COPY protos protos
COPY client client
COPY core core
COPY server server
COPY training training

FROM source AS build-cpu
RUN tools/install-server.sh /opt/autoquality requirements/server.lock

FROM source AS build-slim
RUN tools/install-server.sh /opt/autoquality requirements/slim.lock

FROM source AS build-gpu
RUN tools/install-server.sh /opt/autoquality requirements/gpu.lock

FROM ${PYTHON_IMAGE} AS base
LABEL org.opencontainers.image.title="AutoQuality" \
      org.opencontainers.image.description="Decides how hard an image may be compressed: a gRPC encoding service." \
      org.opencontainers.image.licenses="Apache-2.0"
# MALLOC_ARENA_MAX: image buffers in many threads make glibc's arenas grow without end.
# NUMBA_CACHE_DIR: the DSSIM kernel, compiled below; numba compiles it again
# where the processor is of another kind, so the folder must be writable.
ENV PATH=/opt/autoquality/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    NUMBA_CACHE_DIR=/var/cache/autoquality \
    AUTOQUALITY_LISTEN=0.0.0.0:50051 \
    AUTOQUALITY_HEALTH_LISTEN=127.0.0.1:50052 \
    AUTOQUALITY_METRICS_LISTEN=0.0.0.0:9464
RUN groupadd --system --gid 10001 autoquality \
    && useradd --system --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home autoquality \
    && install --directory --owner=10001 --group=10001 "$NUMBA_CACHE_DIR"
EXPOSE 50051 9464
STOPSIGNAL SIGTERM
# A check takes 0.8 s of a core, because it starts an interpreter.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["autoquality-server", "health"]
ENTRYPOINT ["autoquality-server"]

# --- the images ----------------------------------------------------------------

FROM base AS gpu
COPY --from=build-gpu /opt/autoquality /opt/autoquality
USER 10001:10001
RUN ["python", "-c", "from autoquality_core.pipeline.pipeline import warm_up; warm_up()"]

FROM base AS slim
COPY --from=build-slim /opt/autoquality /opt/autoquality
USER 10001:10001
RUN ["python", "-c", "from autoquality_core.pipeline.pipeline import warm_up; warm_up()"]

FROM base AS cpu
COPY --from=build-cpu /opt/autoquality /opt/autoquality
USER 10001:10001
RUN ["python", "-c", "from autoquality_core.pipeline.pipeline import warm_up; warm_up()"]
