# make run    set up what is missing, then run Sigmaweb
# make test   set up what is missing, then lint and test
# make lint, make bench, make bundle, make requirements
SHELL := /bin/sh
# The first Python that fits; where that is a virtual environment's, the Python that it was made from.
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do $$p -c 'import sys; \
	(3, 11) <= sys.version_info[:2] < (3, 13) or sys.exit(1); print(sys._base_executable)' 2>/dev/null && break; done)
VENV := .venv
BIN := $(VENV)/bin
FRONTEND := $(wildcard frontend/*.js) frontend/build.py package.json package-lock.json
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-options

.PHONY: run test lint bench bundle requirements

run: $(BIN)/.runtime static/dist/app.js
	@exec $(BIN)/python manage.py up

test: lint
	$(BIN)/python -m pytest

lint: $(BIN)/.development static/dist/app.js
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(BIN)/.development
	$(BIN)/python -m bench

bundle: static/dist/app.js

requirements: $(BIN)/.development
	$(COMPILE) --output-file=requirements.txt requirements.in
	$(COMPILE) --output-file=requirements-dev.txt requirements-dev.in
	$(COMPILE) --output-file=requirements-node.txt requirements-node.in

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Sigmaweb needs Python 3.11 or 3.12, and neither is on the PATH: install one, or say make PYTHON=/path/to/python3.12."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(BIN)/.runtime: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(BIN)/.development: requirements-dev.txt $(BIN)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

static/dist/app.js: $(FRONTEND) | $(BIN)/.runtime
	$(BIN)/python frontend/build.py
	@touch $@
