# What this repository can do. Needs Python 3.11 or newer and nothing else; `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

# Three workers on two cores: much of the time of tests is waiting, for browsers, retries and pauses. What stays together
# tests/conftest.py says; what takes longest comes first.
PYTEST := -n 3 --dist loadfile --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
SBOM := $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible requirements.txt
# What a real installation sets, for the checks that look at settings. The key signs nothing.
PRODUCTION := env DATABASE_URL=sqlite://:memory: ONRAMP_HOME=$(VENV)/check ONRAMP_PUBLIC_URL=https://onramp.example.com \
	ONRAMP_TRUSTED_PROXIES=1 ONRAMP_OIDC_ISSUER=https://login.example.com ONRAMP_OIDC_CLIENT_ID=onramp \
	ONRAMP_OIDC_CLIENT_SECRET=none ONRAMP_SECRET_KEY=only-for-the-checks-0123456789-abcdefghijklmnopqrstuvwxyz
SHELL_FILES := .ci/run tests/programs.sh $(wildcard onboarding/bundles/files/*.sh)

.DEFAULT_GOAL := help
.PHONY: help run test check faults attack audit bench lock lock-check messages prices docs sbom clean install \
	check-style check-types check-floors check-templates check-django check-messages check-shell check-image check-deploy check-docs check-security

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; \
		do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(INSTALLED) ## Start everything on this machine (PORT=8000), until Ctrl-C
	@exec $(BIN)/python -m deploy.local

test: $(INSTALLED) ## Run the whole suite, on SQLite and then on PostgreSQL
	@sh tests/programs.sh
	$(BIN)/python -m pytest $(PYTEST)
	$(BIN)/python -m tests.on_postgresql $(PYTEST)

check: check-style check-types check-floors check-templates check-django check-messages check-shell check-image check-deploy check-docs check-security ## Lint, types, import floors, templates, settings, migrations, translations, deployment, docs, security
	@echo "All checks passed."

check-style: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: $(INSTALLED)
	$(PRODUCTION) $(BIN)/mypy

check-floors: $(INSTALLED)
	$(BIN)/lint-imports --no-cache

check-templates: $(INSTALLED)
	find templates -name '*.html' -print0 | xargs -0 $(BIN)/djade --check --target-version 5.2

check-django: $(INSTALLED)
	$(PRODUCTION) $(BIN)/python manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

check-messages: $(INSTALLED)
	$(BIN)/python -m tests.repository.messages check

check-shell: $(INSTALLED)
	$(BIN)/shellcheck -x $(SHELL_FILES)

check-image: $(INSTALLED)
	$(BIN)/hadolint Dockerfile

check-deploy: $(INSTALLED)
	$(BIN)/cfn-lint deploy/aws/cloudformation/*.yaml
	$(BIN)/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*/*.yaml))

check-docs: $(INSTALLED)
	$(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

check-security: $(INSTALLED)
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive onboarding portal deploy

faults: $(INSTALLED) ## Kill, pause and replace parts of a running portal, print one table (an hour)
	FAULTS=long $(BIN)/python -m pytest -n 0 -q tests/faults

# Not part of `check`, which works without a network: pip-audit asks an advisory database on the Internet.
audit: $(INSTALLED) ## Look for known holes in what is locked (needs the network)
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement requirements.txt \
		|| { echo "Either the lines above name holes, or the advisory database was not reached: nothing is passed." >&2; exit 1; }

attack: $(INSTALLED) ## Let a scanner nobody here wrote loose on the portal (about an hour; needs the package index)
	$(BIN)/python -m tests.attack

bench: $(INSTALLED) ## Measure, print one table, write benchmarks/results.json
	$(BIN)/python -m benchmarks

lock: $(INSTALLED) ## Compile the lock files from pyproject.toml (needs the package index)
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --extra otel --constraint requirements.txt --output-file requirements-otel.txt
	$(COMPILE) pyproject.toml --extra dev --extra otel --constraint requirements.txt --output-file requirements-dev.txt
	echo cyclonedx-bom | $(COMPILE) --no-annotate --constraint requirements-dev.txt --output-file deploy/requirements-sbom.txt -

# Not part of `check`, which works without a network; tests/repository compares locks and pyproject.toml offline.
lock-check: $(INSTALLED) ## Compile the lock files again and compare (needs the package index)
	rm -rf $(VENV)/lock && mkdir $(VENV)/lock && cp requirements*.txt deploy/requirements-sbom.txt $(VENV)/lock
	$(COMPILE) pyproject.toml --output-file $(VENV)/lock/requirements.txt
	$(COMPILE) pyproject.toml --extra otel --constraint requirements.txt --output-file $(VENV)/lock/requirements-otel.txt
	$(COMPILE) pyproject.toml --extra dev --extra otel --constraint requirements.txt --output-file $(VENV)/lock/requirements-dev.txt
	echo cyclonedx-bom | $(COMPILE) --no-annotate --constraint requirements-dev.txt --output-file $(VENV)/lock/requirements-sbom.txt -
	diff requirements.txt $(VENV)/lock/requirements.txt
	diff requirements-otel.txt $(VENV)/lock/requirements-otel.txt
	diff requirements-dev.txt $(VENV)/lock/requirements-dev.txt
	diff deploy/requirements-sbom.txt $(VENV)/lock/requirements-sbom.txt

messages: $(INSTALLED) ## Bring the translation catalogue up to date and compile it
	$(BIN)/python -m tests.repository.messages update

prices: $(INSTALLED) ## Bring the shipped price table up to date with the installed genai-prices
	$(BIN)/python -m tests.repository.prices update

docs: $(INSTALLED) ## Build the documentation as pages, in site/
	$(BIN)/mkdocs build --strict --quiet --site-dir site

sbom: $(INSTALLED) ## List what production installs, as CycloneDX in sbom.json
	$(SBOM) --output-file sbom.json

clean: ## Remove everything that was made: environment, caches, static files (not .onramp, which holds data)
	rm -rf $(VENV) .venv-attack site sbom.json staticfiles benchmarks/results.json test-results .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(INSTALLED)

# The lock is whole: pip looks for nothing else. (Where it does, it refuses a package that one asks for with an extra and
# another without.) Again only when the lock changes. The file is written last, so an interrupted install starts over.
$(INSTALLED): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Onramp needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo not there)." >&2; \
		echo "Name another one: make PYTHON=python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV): about a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@
