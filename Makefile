# All that a newcomer must know; `make help` lists it.

PYTHON ?= python3.11
PORT ?= 8000
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
# Where the PostgreSQL tests and benchmarks may create databases of their own.
TEST_DATABASE_URL ?= postgres://postgres@127.0.0.1:5432/postgres
# A server that is killed as a whole must be nobody else's: one is started, if it is installed.
CHAOS_DATABASE_URL ?= $(if $(wildcard /usr/lib/postgresql/*/bin/initdb),private,$(TEST_DATABASE_URL))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# Each file of tests in one process, two processes for each core, in the order of conftest.py.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
# Floods of many clients at once, which the other tests should not have to run beside.
HOSTILE := tests/test_abuse.py tests/test_full_disk.py
# Those judge how soon others are answered: no more processes than there are cores for.
QUIET := -n 2 --dist loadfile
ORDINARY := --ignore tests/browser $(addprefix --ignore ,$(HOSTILE))
# Each browser has a server of its own.
BROWSERS := -n 2 --dist loadfile
export PORT

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

.PHONY: run
run: .venv/production .env ## set up what is missing and serve on http://127.0.0.1:8000 (PORT=…)
	@$(BIN)/python config/local_address.py $(PORT)
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) create_administrator --once
	@$(MANAGE) demo --once
	@exec $(MANAGE) serve --bind 127.0.0.1:$(PORT)

.PHONY: install
install: .venv/production ## the virtual environment with what production runs on

.PHONY: test
test: .venv/development ## all tests that need no server, on SQLite
	$(BIN)/python -m pytest $(ORDINARY) $(PARALLEL) $(ARGS)

.PHONY: test-postgresql
test-postgresql: .venv/development ## all that have to do with a database, on PostgreSQL (TEST_DATABASE_URL)
	TEST_DATABASE_URL=$(TEST_DATABASE_URL) $(BIN)/python -m pytest -m "not without_database" \
		$(ORDINARY) $(PARALLEL) $(ARGS)

.PHONY: test-hostile
test-hostile: .venv/development ## hostile clients and full disks, on SQLite and PostgreSQL (needs root for a small disk)
	env -u TEST_DATABASE_URL $(BIN)/python -m pytest $(HOSTILE) $(QUIET) $(ARGS)
	TEST_DATABASE_URL=$(TEST_DATABASE_URL) $(BIN)/python -m pytest $(HOSTILE) $(QUIET) $(ARGS)

.PHONY: test-browser
test-browser: .venv/browser ## real Chromium against the real server
	$(BIN)/python -m pytest tests/browser $(BROWSERS) $(ARGS)

.PHONY: lint
lint: .venv/browser ## style, types, arrows between the packages, Django's own checks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	SECRET_KEY=$(LINT_KEY) $(BIN)/mypy
	$(BIN)/lint-imports
	SECRET_KEY=$(LINT_KEY) $(MANAGE) makemigrations --check --dry-run
	SECRET_KEY=$(LINT_KEY) PUBLIC_URL=https://t.example.com TRUSTED_PROXIES=10.0.0.0/8 \
		$(MANAGE) check --deploy --fail-level WARNING

LINT_KEY := lint-lint-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ

.PHONY: format
format: .venv/development ## put the code into the one style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: messages
messages: .venv/production ## collect the texts of all pages for translation, and compile them (needs gettext)
	SECRET_KEY=$(LINT_KEY) $(MANAGE) makemessages --all
	SECRET_KEY=$(LINT_KEY) $(MANAGE) compilemessages --ignore .venv

.PHONY: bench
bench: .venv/development ## measure against a plain view and nginx in two minutes (needs PostgreSQL, wrk)
	BENCH_DATABASE_URL=$(TEST_DATABASE_URL) $(BIN)/python -m benchmarks $(if $(ARGS),$(ARGS),--short)

.PHONY: chaos
chaos: .venv/development ## kill, freeze and restart things under load on PostgreSQL and SQLite
	TEST_DATABASE_URL=$(CHAOS_DATABASE_URL) $(BIN)/python -m tests.chaos $(ARGS)
	env -u TEST_DATABASE_URL $(BIN)/python -m tests.chaos $(ARGS)

.PHONY: lock
lock: ## pin requirements anew (needs uv)
	uv pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" requirements/production.in -o requirements.txt
	uv pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock" requirements/development.in -o requirements/development.txt
	uv pip compile -q --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock" requirements/browser.in -o requirements/browser.txt

# The marker files say which requirements are installed.

.venv/production: requirements.txt | .env
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what Glimpse runs on …"
	@$(PIP) -r requirements.txt
	@touch $@

.venv/development: .venv/production requirements/development.txt
	@echo "Installing what the tests need …"
	@$(PIP) -r requirements/development.txt
	@touch $@

.venv/browser: .venv/development requirements/browser.txt
	@$(PIP) -r requirements/browser.txt
	@touch $@

.env:
	@umask 077 && $(PYTHON) -c "import secrets; print(*(f'{key}={secrets.token_urlsafe(50)}' for key in ('SECRET_KEY', 'PIXEL_KEY')), sep='\\n')" > $@
