# make setup   an environment in .venv with everything that requirements.lock pins
# make eval    a run that needs no key: see the whole line work, then open the report
# make check   what must be green before a change is merged

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
ATTACKS ?= # options of scripts/attacks.py
STAMP := .venv/.made-from-lock

.DEFAULT_GOAL := help
.PHONY: help setup eval test lint check attacks

help: ## Say what can be made.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(STAMP) ## Make .venv with the pinned packages and the harness command.

$(STAMP): requirements.lock pyproject.toml scripts/link.py
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv was found; install one, or say make PYTHON=/path/to/python3." >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python scripts/link.py
	@touch $@

eval: $(STAMP) ## Run the demo: oracle, nop and a scripted agent at every task. No key, no money.
	$(BIN)/harness run scripts/demo.toml

test: $(STAMP) ## Run the tests of the harness.
	$(BIN)/python -m pytest

lint: $(STAMP) ## Check style, format and types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

check: lint test ## Lint, test, and prove every task.
	$(BIN)/harness tasks check

attacks: $(STAMP) ## Attack the harness on every sandbox; nothing may get through.
	$(BIN)/python scripts/attacks.py $(ATTACKS)
