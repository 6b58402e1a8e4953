# wfconsole: `make run` starts the console, `make test` checks everything, `make help` lists the rest.

VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 8000
VECTORS ?= tests/conformance/cases
STORE ?= memory
SESSIONS ?= tests/contract/sessions
ROUNDS ?= 3

PY := $(VENV)/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-input
# The oldest Python that will do is 3.11; python3 is it on Debian 12.
PYTHON ?= $(shell command -v python3.11 || command -v python3)

.DEFAULT_GOAL := help
.PHONY: help run test lint chaos conformance contract bench screenshots

help:
	@echo "make run          start the console (HOST, PORT, VENV); the first start installs what it needs"
	@echo "make test         lint, type-check and run every test, browser tests included"
	@echo "make chaos        the long fault tests: kills, cut sockets, full disks (about half an hour; CHAOS_SEED repeats one)"
	@echo "make conformance  the engine against recorded cases (VECTORS=folder, STORE=memory, database or postgresql)"
	@echo "make contract     the HTTP API against recorded sessions, by the official client (SESSIONS=folder; needs Node)"
	@echo "make bench        the figures of docs/performance.md (BENCH=workloads, ROUNDS=3, BENCH_OUT=file for JSON)"
	@echo "make screenshots  a picture of every page from seeded data, in screenshots/"

run: $(VENV)/.installed
	@exec $(PY) manage.py serve --host "$(HOST)" --port "$(PORT)"

test: $(VENV)/.installed-dev
	@tests/machine-packages
	@PY=$(PY) tests/run-all

lint: $(VENV)/.installed-dev
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(VENV)/bin/biome check --error-on-warnings && $(PY) -m mypy && \
		$(PY) -m djlint --lint --quiet templates

chaos: $(VENV)/.installed-dev
	@tests/machine-packages
	@PY=$(PY) tests/run-chaos

conformance: $(VENV)/.installed-dev
	@$(PY) -m tests.conformance "$(VECTORS)" --store "$(STORE)"

contract: $(VENV)/.installed-dev
	@$(PY) -m tests.contract "$(SESSIONS)"

bench: $(VENV)/.installed-dev
	@$(PY) -m bench $(BENCH) --rounds $(ROUNDS) $(if $(BENCH_OUT),--out "$(BENCH_OUT)")

screenshots: $(VENV)/.installed-dev
	@$(PY) -m tests.screenshots

# A virtual environment without a stamp is a start that was broken off: pip goes on from there.
$(VENV)/bin/python:
	@deploy/check-python "$(PYTHON)"
	@"$(PYTHON)" -m venv "$(VENV)"

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing packages into $(VENV) (about a minute, once)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing the packages that the tests need"
	@$(PIP) -r requirements-dev.txt
	@touch $@
