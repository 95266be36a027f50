PORT ?= 3030
PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
RUNNABLE := $(VENV)/.runnable
COMPLETE := $(VENV)/.complete

CLIENTS := tests/clients
CLIENT_PACKAGES := $(if $(wildcard $(CLIENTS)/package.json),$(CLIENTS)/node_modules/.complete)
PEERS := benchmarks/peers/feathers benchmarks/peers/socketio
PORTAL_TESTS := $(wildcard tests/portal/*.js tests/portal/*.mjs)

.DEFAULT_GOAL := help
.PHONY: help run install test long check bench reference

help:
	@echo "make run       serve the demo school on port $(PORT) (PORT=4000 make run for another)"
	@echo "make install   everything that tests and checks need, in $(VENV)"
	@echo "make test      all tests"
	@echo "make long      the tests that take long: of kills, long runs, other transports"
	@echo "make check     lint, types, import rules"
	@echo "make bench     the benchmarks"
	@echo "make reference docs/reference, from the code"

run: $(RUNNABLE)
	@exec $(BIN)/stonechat serve --demo --port $(PORT)

install: $(COMPLETE)

# What tests start as processes is compiled once, also where the environment forbids to keep that.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(COMPLETE) $(CLIENT_PACKAGES)
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not long"
	$(if $(PORTAL_TESTS),node --test $(PORTAL_TESTS))

long: export PYTHONDONTWRITEBYTECODE :=
long: $(COMPLETE) $(CLIENT_PACKAGES)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m long

check: $(COMPLETE)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

reference: $(COMPLETE)
	$(BIN)/python scripts/reference.py

bench: $(COMPLETE) $(PEERS:%=%/node_modules/.complete)
	$(BIN)/python -m benchmarks

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUNNABLE): pyproject.toml hatch_build.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[embedded]'
	@touch $@

# Dependency groups need pip 25.1 or newer.
$(COMPLETE): pyproject.toml hatch_build.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[embedded]' --group test --group check
	@touch $@ $(RUNNABLE)

$(CLIENTS)/node_modules/.complete: $(wildcard $(CLIENTS)/package.json $(CLIENTS)/package-lock.json)
	cd $(CLIENTS) && if [ -f package-lock.json ]; then npm ci --no-audit --no-fund; \
		else npm install --no-package-lock --no-audit --no-fund; fi
	@touch $@

$(PEERS:%=%/node_modules/.complete): %/node_modules/.complete: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@
