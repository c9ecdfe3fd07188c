# One command builds the site, one proves it. Both set themselves up on a machine with Python and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CH ?=
PORT ?= 8000
URL ?=
# What is given on the command line is handed on as it is: neither make nor the shell reads anything into it.
override PYTHON := $(value PYTHON)
override CH := $(value CH)
override PORT := $(value PORT)
override URL := $(value URL)
export PYTHON CH PORT URL
BIN := .venv/bin
BOOK_READY := for-book
TEST_READY := for-test
# myst-nb and Jupyter would otherwise warn about paths that change in their next release.
export JUPYTER_PLATFORM_DIRS := 1

.PHONY: help book serve test chapters text notebook lab bench experiments portability engines lowest mutations repository lock clean \
	$(BOOK_READY) $(TEST_READY)

help: ## List the commands
	@echo "make COMMAND, where COMMAND is one of"
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 15

book: $(BOOK_READY) ## Build the site into _build/html
	@$(BIN)/python tools/book.py
	@echo "The site is built: open _build/html/index.html, or serve it with: make serve"

serve: book ## Build the site and serve it on http://127.0.0.1:8000 (PORT=…)
	@echo "http://127.0.0.1:$$PORT  (stop with Ctrl-C)"
	@$(BIN)/python -m http.server "$$PORT" --bind 127.0.0.1 --directory _build/html

test: $(TEST_READY) ## Run every check, and build the site on the way
	@$(BIN)/python tools/check.py

chapters: $(TEST_READY) ## Run the chapters (CH=02 for one) and store their outputs
	@$(BIN)/python tools/chapters.py run "$$CH"

text: $(TEST_READY) ## Write chapter CH=02 as text, _build/text/02_….md, to edit
	@$(BIN)/python tools/chapters.py text "$$CH"

notebook: $(TEST_READY) ## Take the edited text of chapter CH=02 back into its notebook
	@$(BIN)/python tools/chapters.py notebook "$$CH"

lab: $(TEST_READY) ## Open JupyterLab on the chapters
	@$(BIN)/jupyter lab chapters

bench: $(TEST_READY) ## Measure speed and memory, and store the numbers
	@$(BIN)/python -m benchmarks

experiments: $(TEST_READY) ## Run the long experiments (hours) and store their results
	@$(BIN)/python -m experiments.alignment_models
	@$(BIN)/python -m experiments.copying
	@$(BIN)/python -m experiments.easy_rows_first
	@$(BIN)/python -m experiments.heads
	@$(BIN)/python -m experiments.odd_score
	@$(BIN)/python -m experiments.painted_twin
	@$(BIN)/python -m experiments.positions
	@$(BIN)/python -m experiments.self_attention
	@$(BIN)/python -m experiments.transformer
	@$(BIN)/python -m experiments.page_translator
	@$(BIN)/python -m experiments.translation

portability: $(TEST_READY) ## Check the stored outputs under other instruction sets and thread counts
	@$(BIN)/python tools/check.py --portability

engines: $(TEST_READY) ## See the site in Firefox and WebKit in every setting
	@$(BIN)/python tools/check.py --engines

lowest: $(BOOK_READY) ## Test the library with the lowest versions that it allows
	@python3 -m venv .venv/lowest
	@.venv/lowest/bin/python -m pip install --quiet -r requirements/lowest.txt
	@PYTHONPATH=. .venv/lowest/bin/python -m pytest -q -p no:cacheprovider tests/library

mutations: $(TEST_READY) ## Break things on purpose in a copy: does each check notice?
	@$(BIN)/python tools/mutations.py

repository: $(BOOK_READY) ## Set the repository's address everywhere (URL=https://…)
	@$(BIN)/python tools/repository.py set "$$URL"

lock: $(TEST_READY) ## Renew the pinned versions in requirements/
	@$(BIN)/python tools/lock.py

clean: ## Remove what was built, but neither the environment nor chapters as text
	@rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache
	@if [ -d _build ]; then find _build -mindepth 1 -maxdepth 1 ! -name text -exec rm -rf {} +; fi
	@if [ -d _build/text ]; then echo "Kept, because they may hold edits: _build/text"; fi

# The environment, made by whatever Python there is. It does nothing where all is there.
$(BOOK_READY) $(TEST_READY):
	@"$$PYTHON" tools/environment.py $(@:for-%=%)
