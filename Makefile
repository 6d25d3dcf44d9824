# make demo, make test: that is all one needs. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
DATABASES ?= sqlite postgresql
# What pages look like hardly depends on the database: one look in Chromium will do (ON_POSTGRESQL= for another one).
ON_SQLITE ?=
ON_POSTGRESQL ?= not browser

BIN := $(VENV)/bin
INSTALLED := $(VENV)/requirements.installed
PROJECT := $(VENV)/project.installed

.DEFAULT_GOAL := help
.PHONY: help environment demo test test-sqlite test-postgresql stress lint format bench messages requirements clean

help:  ## list these commands
	@grep -hE '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "make %-13s %s\n", $$1, $$2}'

environment: $(PROJECT)  ## the virtual environment, made anew when the requirements have changed

demo: $(PROJECT)  ## the catering site with its data, and a worker, on http://127.0.0.1:8000/ (PORT=8001 for another port)
	@$(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null \
		|| { echo "Port $(PORT) is taken. Choose another one: make demo PORT=$$(($(PORT) + 1))"; exit 1; }
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py load_demo --address http://127.0.0.1:$(PORT)/
	@$(BIN)/python manage.py run_subscriptions >/dev/null & worker=$$!; trap 'kill $$worker' EXIT INT TERM; \
		$(BIN)/python manage.py runserver $(PORT)

test: $(DATABASES:%=test-%)  ## every test on SQLite, then all but those in Chromium on PostgreSQL (DATABASE_URL, or a server of its own)

test-sqlite: $(PROJECT)
	DATABASE=sqlite $(BIN)/python -m pytest -m "$(ON_SQLITE)" $(PYTEST_ARGUMENTS)

test-postgresql: $(PROJECT)
	DATABASE=postgresql $(BIN)/python -m pytest -m "$(ON_POSTGRESQL)" $(PYTEST_ARGUMENTS)

stress: $(PROJECT)  ## ten minutes of killed writers, workers and servers, and 10,000 orders, on each database (STRESS_SECONDS, STRESS_SEED, STRESS_ORDERS)
	for each in postgresql sqlite; do STRESS_SECONDS=$${STRESS_SECONDS:-600} STRESS_ORDERS=$${STRESS_ORDERS:-10000} \
		DATABASE=$$each $(BIN)/python -m pytest tests/stress || exit; done

lint: $(PROJECT)  ## ruff, mypy, and whether a migration is missing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

format: $(PROJECT)  ## let ruff format the code and sort its imports
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(PROJECT)  ## every benchmark, one after the other (docs/performance.md)
	set -e; for each in append link read volume subscriptions process pages exports; do $(BIN)/python benchmarks/$$each.py; done

messages: $(PROJECT)  ## bring browser/locale up to date with the strings of the pages, and compile it
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.browser.translations

requirements: $(PROJECT)  ## compile requirements/development.txt anew (UPGRADE=1 takes the newest versions)
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header \
		$(if $(UPGRADE),--upgrade) requirements/development.in --output-file requirements/development.txt --quiet

clean:  ## remove the environments, the caches and the demo's database
	rm -rf .venv .venv-* .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results build dist
	rm -f demo.sqlite3 demo.sqlite3-shm demo.sqlite3-wal

$(INSTALLED): requirements/development.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/development.txt
	@touch $@

# The build tool stands in the requirements: nothing else is fetched.
$(PROJECT): $(INSTALLED) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
