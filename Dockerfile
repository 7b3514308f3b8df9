# syntax=docker/dockerfile:1
# The bot without the demo. The base is an argument, so that a house can use its own mirror and its own updates:
#   docker build --build-arg BASE=python:3.12-slim-bookworm --build-arg POSTGRESQL_MAJORS="15 17" -t takumi-bot .
# What could not be built where this was written is said in docs/operations.md.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements/base.txt requirements/base.txt
RUN python -m venv /opt/takumi \
    && /opt/takumi/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/base.txt
COPY pyproject.toml README.md ./
COPY bot bot
COPY commands commands
COPY runbooks runbooks
# The code goes in without its dependencies: those are pinned by hash above. `demo` is left out of the image.
RUN mkdir demo && touch demo/__init__.py \
    && /opt/takumi/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
    && rm -rf /opt/takumi/lib/python3*/site-packages/demo

FROM ${BASE} AS run
# Majors of the PostgreSQL client programs: pg_dump must be as new as the server that it dumps. Majors that the base's
# own repository lacks need a repository of the house, configured in the base.
ARG POSTGRESQL_MAJORS="15"
RUN set -eu; \
    packages=""; for major in ${POSTGRESQL_MAJORS}; do packages="$packages postgresql-client-$major"; done; \
    apt-get update && apt-get install -y --no-install-recommends $packages && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/takumi takumi \
    && install -d -o takumi -g takumi /var/backups/takumi/database /var/backups/takumi/contracts
COPY --from=build /opt/takumi /opt/takumi
ENV PATH=/opt/takumi/bin:$PATH PYTHONUNBUFFERED=1 \
    TAKUMI_BOT_HTTP_HOST=0.0.0.0 TAKUMI_BOT_HTTP_PORT=8080
USER takumi
WORKDIR /var/lib/takumi
VOLUME /var/backups/takumi
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['TAKUMI_BOT_HTTP_PORT'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "bot"]
CMD ["serve"]
