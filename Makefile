# Each target does all its set-up first: a machine with python3 (with venv) and make is enough.
# A second call installs nothing; a change of any setup.cfg or of the constraints installs again.

PYTHON ?= python3
ARGS ?=
# Tests at a time: one for each core of the machine that CI has.
JOBS ?= 2
BIN := .venv/bin
CONSTRAINTS := requirements/constraints.txt
SETUPS := setup.cfg $(sort $(wildcard plugins/*/setup.cfg))
STATE := $(shell { echo $(SETUPS); cat $(SETUPS) $(CONSTRAINTS); } | cksum | cut -d' ' -f1)
READY := .venv/ready-$(STATE)
# All tests of a kind: side by side, then those that need the machine for themselves. With ARGS: one call, one by one.
PYTEST := $(BIN)/python -m pytest
tests = $(if $(ARGS),$(PYTEST) -m "$(1)" $(ARGS),$(PYTEST) -n $(JOBS) --dist worksteal -m "$(1) and not alone" && $(PYTEST) -m "$(1) and alone")
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

.PHONY: help run test test-all soak lint docs setup clean

help:
	@echo "make run       the main job: learn 20 people, forget 4 with NPO, say what it cost"
	@echo "make test      the tests, 5 minutes"
	@echo "make test-all  the slow tests, 15 minutes: kills, launches, packaging, documentation"
	@echo "make soak      what is too slow for CI, 25 minutes: kills at random, every launch with every algorithm"
	@echo "make lint      ruff and mypy"
	@echo "make docs      the documentation as a site, in build/docs"
	@echo "make setup     only the set-up that each of these does first"
	@echo "make clean     remove .venv and caches"

run: $(READY)
	$(BIN)/unlearnzoo run --algo npo --bench remem $(ARGS)

test: $(READY)
	$(call tests,not slow and not soak)

test-all: $(READY)
	$(call tests,slow)

soak: $(READY)
	$(PYTEST) -m soak $(ARGS)

lint: $(READY)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check .
	$(BIN)/mypy unlearnzoo $(filter-out %.egg-info,$(sort $(wildcard plugins/*/unlearnzoo_*)))

docs: $(READY)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -d build/doctrees docs build/docs

setup: $(READY)

# torch goes in alone: whichever build is at hand (CPU, CUDA) is then kept by all that follows.
# Old links to this repository go first, or a plugin that was removed would stay as a broken one.
$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "unlearnzoo needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@echo "Setting up .venv, once; this takes some minutes."
	$(PYTHON) -m venv .venv
	@rm -rf .venv/lib/python*/site-packages/unlearnzoo*.dist-info .venv/lib/python*/site-packages/__editable__*unlearnzoo*
	$(PIP) torch
	$(PIP) setuptools
	$(PIP) --no-build-isolation --editable ".[dev,docs]" $(foreach s,$(filter plugins/%,$(SETUPS)),--editable ./$(dir $(s)))
	@rm -f .venv/ready-*
	@touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
