# Raylens: the web app, the Python packages and the compiled models, for an unprivileged user.
#
#   docker build --tag raylens .
#   docker run --init --shm-size 1g --publish 8000:8000 --volume raylens:/var/lib/raylens raylens

FROM python:3.11-slim-bookworm AS base

# --- The web app. Node.js is installed as a Python package, pinned by its hash like all others.
FROM base AS web
WORKDIR /src
COPY requirements/web.txt requirements/
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements/web.txt
COPY frontend/npm frontend/package.json frontend/package-lock.json frontend/
RUN frontend/npm ci --omit=dev
COPY frontend frontend
RUN frontend/npm run build

# --- The packages, in an environment that the last stage copies to the same path.
FROM base AS packages
ENV PATH=/opt/raylens/bin:$PATH
WORKDIR /app
RUN python -m venv /opt/raylens
COPY requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes --requirement requirements/run.txt

# --- The application and its models, compiled here so that the start need not do it.
FROM packages AS application
# Names of the zoo or of keras.applications, comma-separated. An image serves the models that it was built with.
ARG RAYLENS_MODELS=efficientnet-lite0
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY auth auth
COPY kuberay kuberay
COPY serve_app serve_app
COPY config config
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
 && python -m compileall -q auth kuberay models serve_app \
 && RAYLENS_DATA_DIR=/var/lib/raylens raylens models prepare

# --- The packages without TensorFlow, which is needed only to build the models: 2 of 3 GB. Its metadata stays, because
# the compiled models are looked up by package versions. RUNTIME=tensorflow keeps TensorFlow, to serve with it.
FROM packages AS runtime
ARG RUNTIME=openvino
WORKDIR /opt/raylens/lib
RUN if [ "$RUNTIME" = openvino ]; then rm -r python3.*/site-packages/clang python3.*/site-packages/tensorflow; fi

# --- The final image.
FROM base
ARG RAYLENS_MODELS=efficientnet-lite0
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Raylens" \
      org.opencontainers.image.description="Image classification service on Ray Serve" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# wget is used by KubeRay's probes and by the HEALTHCHECK below.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bash wget \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 raylens \
 && useradd --uid 10001 --gid raylens --no-create-home --home-dir /var/lib/raylens --shell /usr/sbin/nologin raylens
# A separate layer, which stays cached while only the application changes.
COPY --from=runtime /opt/raylens /opt/raylens
COPY --from=application /opt/raylens/bin/raylens /opt/raylens/bin/raylens
COPY --from=application /app /app
COPY --from=web /src/frontend/dist /app/frontend/dist
COPY --from=application --chown=10001:10001 /var/lib/raylens /var/lib/raylens
ENV PATH=/opt/raylens/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    RAYLENS_DATA_DIR=/var/lib/raylens \
    RAYLENS_HOST=0.0.0.0 \
    RAYLENS_PORT=8000 \
    RAYLENS_MODELS=${RAYLENS_MODELS}
WORKDIR /app
USER 10001:10001
EXPOSE 8000
VOLUME /var/lib/raylens
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["sh", "-c", "wget --no-proxy -q -T 4 -t 1 -O /dev/null http://127.0.0.1:$RAYLENS_PORT/api/health/ready"]
CMD ["raylens", "serve"]
