# One command builds the site, one proves it. Both set themselves up on a machine with Python and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CH ?=
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
BOOK_READY := $(VENV)/.book-ready
TEST_READY := $(VENV)/.test-ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# myst-nb and Jupyter would otherwise warn about paths that change in their next release.
export JUPYTER_PLATFORM_DIRS := 1

.PHONY: help book serve test chapters text notebook lab bench experiments portability mutations repository lock clean

help: ## List the commands
	@echo "make COMMAND, where COMMAND is one of"
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 15

# Sphinx rebuilds pages whose text changed. What they all share is newer than the last build? Then all of them.
SHARED := _config.yml _toc.yml assets attn_utils tools/sphinx_course.py
ALL = $(if $(shell find $(SHARED) -newer _build/.built -type f 2>&1 | grep -v pycache),--all)

book: $(BOOK_READY) ## Build the site into _build/html
	@$(BIN)/jupyter-book build . $(ALL) -W -n --keep-going --quiet
	@touch _build/.built
	@echo "The site is built: open _build/html/index.html, or serve it with: make serve"

serve: book ## Build the site and serve it on http://127.0.0.1:8000 (PORT=…)
	@echo "http://127.0.0.1:$(PORT)  (stop with Ctrl-C)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

test: $(TEST_READY) ## Run every check, and build the site on the way
	@$(BIN)/python tools/check.py

chapters: $(TEST_READY) ## Run the chapters (CH=02 for one) and store their outputs
	@$(BIN)/python tools/chapters.py run $(CH)

text: $(TEST_READY) ## Write chapter CH=02 as text, _build/text/02_….md, to edit
	@$(BIN)/python tools/chapters.py text $(CH)

notebook: $(TEST_READY) ## Take the edited text of chapter CH=02 back into its notebook
	@$(BIN)/python tools/chapters.py notebook $(CH)

lab: $(TEST_READY) ## Open JupyterLab on the chapters
	@$(BIN)/jupyter lab chapters

bench: $(TEST_READY) ## Measure speed and memory, and store the numbers
	@$(BIN)/python -m benchmarks

experiments: $(TEST_READY) ## Run the long experiments (about an hour) and store their results
	@$(BIN)/python -m experiments.translation

portability: $(TEST_READY) ## Check the stored outputs under other instruction sets and thread counts
	@$(BIN)/python tools/check.py --portability

mutations: $(TEST_READY) ## Break things on purpose in a copy: does each check notice?
	@$(BIN)/python tools/mutations.py

repository: $(BOOK_READY) ## Set the repository's address everywhere (URL=https://…)
	@$(BIN)/python tools/repository.py set "$(URL)"

lock: $(TEST_READY) ## Renew the pinned versions in requirements/
	@$(BIN)/python tools/lock.py

clean: ## Remove what was built, but not the environment
	rm -rf _build .pytest_cache .hypothesis .mypy_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, $(PYTHON) is {v.major}.{v.minor}; name another with PYTHON=…")'
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(BOOK_READY): requirements/book.lock package-lock.json | $(BIN)/python
	@echo "Installing what the book is built with"
	@$(PIP) -r requirements/book.lock
	@$(BIN)/npm ci --silent --no-audit --no-fund
	@touch $@

$(TEST_READY): requirements/test.lock pyproject.toml $(BOOK_READY)
	@echo "Installing what the chapters and the checks run with"
	@$(PIP) -r requirements/test.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
