# One image for every process of the portal; the command says which:
#   web     (the default)
#   worker  celery --app portal worker --queues interactive,sweeps --concurrency 4          with REMAP_SIGTERM=SIGQUIT
#   costs   celery --app portal worker --queues costs --concurrency 1                       the same
#   beat    celery --app portal beat --pidfile ""                                           one or two
#   before each release: python manage.py check --deploy, python manage.py migrate,
#           python manage.py createcachetable, python manage.py load_prices
# Settings come from the environment (docs/configuration.md); the image holds no secret and no data.

# By a digest, the same image is the same at every build: docs/hardening.md, "Images".
ARG PYTHON_IMAGE=python:3.13-slim
FROM $PYTHON_IMAGE AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
# requirements-otel.txt has what ONRAMP_OTLP_ENDPOINT needs, besides: --build-arg REQUIREMENTS=requirements-otel.txt
ARG REQUIREMENTS=requirements.txt
COPY requirements.txt requirements-otel.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-deps --require-hashes --requirement "$REQUIREMENTS"
COPY manage.py ./
COPY portal portal
COPY onboarding onboarding
COPY templates templates
COPY static static
# collectstatic loads the settings, which want a key; this one signs nothing and stays in this stage.
RUN ONRAMP_SECRET_KEY=for-collectstatic-only ONRAMP_HOME=/tmp /venv/bin/python manage.py collectstatic --noinput

# What the image holds, as a list in CycloneDX. The tool for it stays in this stage.
FROM $PYTHON_IMAGE AS sbom

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tools
COPY deploy/requirements-sbom.txt .
RUN python -m venv . && bin/pip install --no-deps --require-hashes --requirement requirements-sbom.txt
COPY pyproject.toml .
COPY --from=build /venv /venv
RUN bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file /sbom.json /venv/bin/python

FROM $PYTHON_IMAGE

ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ONRAMP_HOME=/var/lib/onramp
RUN useradd --system --uid 10001 --home-dir /var/lib/onramp --create-home onramp
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=sbom /sbom.json /app/sbom.json
WORKDIR /app
# By number, so that Kubernetes can see that it is not root.
USER 10001
EXPOSE 8000
# Kept alive for longer than a load balancer uses idle connections again (AWS's ALB and ingress-nginx: 60 s): were
# gunicorn the first to close one, a request that is on its way would be a 502, and no POST is sent again.
# No control socket: nothing uses it. /dev/shm: a heartbeat file on a slow disk would look like a hung worker.
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-class", "gthread", "--threads", "4", \
     "--keep-alive", "75", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", \
     "--logger-class", "portal.gunicorn_logger.Logger", "portal.wsgi"]
