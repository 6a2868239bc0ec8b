# Every command sets up what it needs; nothing else has to be installed than Python 3.11, 3.12 or 3.13 and make.

# The Python to create the virtual environment with; by default one that is found on PATH.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-annotate --no-header --quiet --upgrade
ARGS ?=
TESTS ?=

NPM := frontend/npm
MODULES := frontend/node_modules
# Including folders, because a deleted file changes only the time of its folder.
WEB := frontend/index.html frontend/vite.config.ts $(shell find frontend/src frontend/public frontend/plugins)

# Slow tests share a running Ray, so they run last.
FAST := not e2e and not chaos and not image

# What is installed for another Python must not be imported.
unexport PYTHONPATH PYTHONHOME

# Without cached bytecode every worker and every command that the tests start would compile its modules again.
unexport PYTHONDONTWRITEBYTECODE

# When the Python of the virtual environment is gone, for example after an upgrade of the system, install everything anew.
$(if $(wildcard $(VENV)/.run),$(shell $(BIN)/python -c '' 2>/dev/null || rm -rf $(VENV)))

# Two targets at a time; the output of each in one piece, where make supports that.
PARALLEL := $(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help serve web test test-conditions chaos image-check lint lint-python lint-web test-web bench bench-compare \
  bench-checkouts bench-goals bench-growth bench-preprocessing bench-applications simulate openapi screenshots pins clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-19s %s\n", $$1, $$2}'

serve: $(VENV)/.run ## Start Raylens, e.g. make serve ARGS="--port 8080 --dashboard"
	@$(MAKE) --no-print-directory web || echo "The web app could not be built; the API works without it."
	@exec $(BIN)/raylens serve $(ARGS)

web: frontend/dist/index.html ## Build the web app, which make serve does as well

test: $(VENV)/.dev $(MODULES)/.dev web ## Run make lint and all tests but make chaos; TESTS="tests/fetch -k redirect" runs some
	@$(BIN)/python -m tests.servers.install
	@$(PARALLEL) lint-python lint-web $(if $(TESTS),,test-web)
	$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),-m "$(FAST)" --numprocesses auto --dist loadfile --no-loadscope-reorder)
	$(if $(TESTS),,$(BIN)/python -m pytest -m "e2e and not chaos")

chaos: $(VENV)/.dev ## Kill replicas, stop servers, overload, fuzz for long
	@$(BIN)/python -m tests.servers.install
	$(BIN)/python -m pytest -m chaos $(TESTS)

test-conditions: $(VENV)/.dev ## Run the fast tests under unusual conditions, e.g. ARGS="narrow tests/cli"
	@$(BIN)/python -m tests.servers.install
	$(BIN)/python -m tests.conditions $(ARGS)

image-check: $(VENV)/.dev ## Run the Dockerfile without Docker, and Raylens from its image; as root on Debian
	@$(BIN)/python -m tests.servers.install buildah debootstrap
	$(BIN)/python -m pytest -m image

lint: $(VENV)/.dev $(MODULES)/.dev ## Check style and types
	@$(PARALLEL) lint-python lint-web

lint-python: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-web: $(MODULES)/.dev
	$(NPM) run lint

test-web: $(MODULES)/.dev
	$(NPM) run test

bench: $(VENV)/.dev ## Measure throughput relative to the hardware limit; about 8 minutes
	$(BIN)/python -m benchmarks.run $(ARGS)

bench-compare: $(VENV)/.dev ## Compare with other serving systems, which are installed first; about 100 minutes
	$(BIN)/python -m benchmarks.peers.run $(ARGS)

bench-checkouts: $(VENV)/.dev ## Compare with another checkout, e.g. ARGS="--against ../main"; about 3 minutes
	$(BIN)/python -m benchmarks.checkouts $(ARGS)

bench-goals: $(VENV)/.dev ## Show which goals the results of the benchmarks meet; measures nothing
	$(BIN)/python -m benchmarks.goals $(ARGS)

bench-growth: $(VENV)/.dev ## Measure more replicas, records and images per request; about 20 minutes
	$(BIN)/python -m benchmarks.growth $(ARGS)

bench-preprocessing: $(VENV)/.dev ## Measure speed and accuracy of ways to decode photos; about 10 minutes
	@# The memory settings of the service, see serve_app/cluster/ray_cluster.py.
	MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=67108864 $(BIN)/python -m benchmarks.preprocessing $(ARGS)

bench-applications: $(VENV)/.dev ## Compare the classifiers of keras.applications on each runtime with Keras
	$(BIN)/python -m benchmarks.applications $(ARGS)

simulate: $(VENV)/.dev ## Simulate autoscaling over a day, e.g. make simulate ARGS="--peak 800 --compare"
	$(BIN)/python -m benchmarks.simulation $(ARGS)

openapi: $(VENV)/.run ## Update frontend/openapi.json, from which the web app's types are generated
	$(BIN)/python -m serve_app.ingress.openapi frontend/openapi.json

screenshots: $(VENV)/.dev web ## Update the screenshots of the web app in docs/images/web
	$(BIN)/python -m tests.e2e.screenshots

pins: $(VENV)/.dev ## Update the pinned requirements
	$(PIP) uv
	$(COMPILE) pyproject.toml --extra tracing --group test -o requirements/dev.txt
	@# Serve with the versions that are tested.
	$(COMPILE) pyproject.toml --extra tracing --constraints requirements/dev.txt -o requirements/run.txt
	for group in web deploy; do \
	  $(COMPILE) --group pyproject.toml:$$group -o requirements/$$group.txt || exit 1; \
	done
	grep -oE '^(cykooz-resizer|openvino|pillow|simplejpeg)==[^ ]+' requirements/run.txt > requirements/peers/engine.txt
	for peer in requirements/peers/*.in; do \
	  $(COMPILE) --constraints requirements/peers/engine.txt $$peer -o $${peer%.in}.txt || exit 1; \
	done

clean: ## Remove what the other commands made, but not the data folder
	rm -rf $(VENV) $(MODULES) frontend/dist build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@python=$$(requirements/find-python "$(PYTHON)") && echo "$$python -m venv $(VENV)" \
	  && { "$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; }

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Raylens into $(VENV); the first time this downloads about 700 MB …"
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what the tests need …"
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

frontend/dist/index.html: $(WEB) $(MODULES)/.run
	@echo "Building the web app …"
	@$(NPM) run --silent build -- --logLevel warn

$(MODULES)/.run: frontend/package-lock.json | $(VENV)/bin/python
	@echo "Installing what the web app is built with …"
	@$(NPM) ci --omit=dev
	@touch $@

$(MODULES)/.dev: frontend/package-lock.json | $(VENV)/bin/python
	@echo "Installing what the web app is built and tested with …"
	@$(NPM) ci
	@touch $@ $(MODULES)/.run
