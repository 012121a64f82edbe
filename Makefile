# Everything that these targets make stays in .venv and .cache of this checkout.
PYTHON ?= python3
ARGS ?=

CACHE := $(CURDIR)/.cache
BIN := .venv/bin
export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NPM_CONFIG_CACHE := $(CACHE)/npm
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
export MYPY_CACHE_DIR := $(CACHE)/mypy
export RUFF_CACHE_DIR := $(CACHE)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
unexport PYTHONPATH
# What is compiled once need not be compiled with every start of pbxd.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.venv/ready: pyproject.toml constraints.txt deploy/make-venv
	deploy/make-venv $(PYTHON)
	@touch $@

.PHONY: venv
venv: .venv/ready ## the Python environment in .venv

.PHONY: page
page: .venv/ready ## bundle the agent page (only when its sources changed)
	$(BIN)/python deploy/build_page.py

.PHONY: demo
demo: page ## a private Asterisk, pbxd, callers and agents; ARGS=--once plays and checks one story
	$(BIN)/python -m deploy.demo $(ARGS)

.PHONY: lint
lint: .venv/ready ## style, types and the import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir $(CACHE)/import-linter

.PHONY: unit
unit: .venv/ready ## the fast tests: no Asterisk, no browser, no servers
	$(BIN)/pytest tests/unit tests/machines tests/replay $(ARGS)

.PHONY: collected
collected: .venv/ready
	@# Compiles everything once, rather than in each of the workers at the same time.
	$(BIN)/pytest --collect-only -q > $(CACHE)/collected.txt || { cat $(CACHE)/collected.txt; exit 1; }

.PHONY: fetched
fetched:
	@# While pip installs: what the tests run besides Python. A Python that is too old leaves it to them.
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then $(PYTHON) -m deploy.lab.fetch; fi

.PHONY: test
test: ## every check and every test
	$(MAKE) --no-print-directory -j 2 --output-sync=target .venv/ready fetched
	$(MAKE) --no-print-directory -j 2 --output-sync=target lint page collected
	# Six at a time: the end-to-end tests wait for people to speak more than for the processor.
	$(BIN)/pytest -n 6 --dist loadscope --no-loadscope-reorder $(ARGS)

.PHONY: bench
bench: page ## measure against peers in the same run; writes .cache/bench.json
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: soak
soak: page ## every transfer 20 times and 100 random days on each Asterisk, for hours; can be interrupted and goes on
	$(BIN)/python -m tests.soak $(ARGS)

.PHONY: format
format: .venv/ready ## put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: .venv/ready ## write the versions that are installed now into constraints.txt
	$(BIN)/pip freeze --exclude-editable | sort -f > constraints.txt

.PHONY: clean
clean: ## remove what make made, but keep downloads
	rm -rf .venv build dist pbxd/edge/web/static .cache/pycache .cache/mypy .cache/ruff .cache/demo
