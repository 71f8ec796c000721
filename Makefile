# make live    set up and run the main job
# make test    set up and run every check and test
# make docs    set up and build the documentation into docs/_build/html
# make browser install Debian's chromium, which the browser tests use; needs root and apt

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: live test docs browser clean
.DELETE_ON_ERROR:

live: $(VENV)/live.stamp
	$(BIN)/python -m seestack live --simulate --out live

test: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=120 notebooks

docs: $(VENV)/docs.stamp
	$(BIN)/python -m sphinx -b html -W --keep-going -n -q docs docs/_build/html

browser:
	apt-get update --quiet
	apt-get install --quiet --yes --no-install-recommends chromium fonts-dejavu-core

clean:
	rm -rf $(VENV) live docs/_build

$(VENV)/pip.stamp:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	touch $@

$(VENV)/live.stamp: $(VENV)/pip.stamp pyproject.toml setup.py $(wildcard seestack/compiled/*.pyx)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/test.stamp: $(VENV)/live.stamp
	$(BIN)/python -m pip install --quiet --group test
	touch $@

$(VENV)/docs.stamp: $(VENV)/live.stamp
	$(BIN)/python -m pip install --quiet --group docs
	touch $@
