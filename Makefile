# healthsvc: one command each. `make help` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
MINUTES ?= 30
WORKERS ?= 4

.PHONY: help run test bench alerts-check lab-check lab-few soak format schemas docs constraints clean
.DEFAULT_GOAL := help

define JUDGE
@test ! -e ../shared/datasets/evaluate.py || test -x .venv-judge/bin/python || \
	($(PYTHON) -m venv .venv-judge && .venv-judge/bin/python -m pip --quiet install pandas scikit-learn)
endef

# A Python that is too old, missing or without venv is refused before anything is left behind.
VERSION_OK := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
define ENVIRONMENT
@$(BIN)/python $(VERSION_OK) 2>/dev/null || { \
	case "$$($(PYTHON) --version 2>&1)" in \
		"Python 3.1"[1-9]*|"Python 3."[2-9][0-9]*|"Python "[4-9]*) $(PYTHON) $(VERSION_OK) ;; \
		*) false ;; \
	esac || { \
		echo "healthsvc needs Python 3.11 or newer, not $$($(PYTHON) --version 2>&1): run make with PYTHON=/path/to/python3.11" >&2; \
		exit 1; }; \
	echo "Making a virtual environment in .venv …"; \
	$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }; }
endef

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.installed ## make the environment, start everything on http://127.0.0.1:8000
	@exec $(BIN)/healthsvc up

# Twice as many workers as cores: the long tests wait (for a lease, a broker, a clock) more than they compute.
test: .venv/.installed-dev ## run all tests and checks (format, lint, types, layers, schemas, documents)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

bench: .venv/.installed-dev ## measure; prints a table, writes benchmarks/latest.json
	$(BIN)/python -m benchmarks

alerts-check: .venv/.installed-dev ## simulate customers of known kinds: alerts, band changes, time to be told
	@$(BIN)/python -m benchmarks.alerts_check

lab-check: .venv/.installed-dev ## judge the risk on logs with real outcomes, where ../shared/datasets has them
	$(JUDGE)
	@$(BIN)/python -m benchmarks.lab_check .venv-judge/bin/python

lab-few: .venv/.installed-dev ## fits on few churners beside the prior, on the same logs
	$(JUDGE)
	@$(BIN)/python -m benchmarks.lab_few .venv-judge/bin/python

soak: .venv/.installed-dev ## run the long tests (random faults, millions of ids) for MINUTES=30
	HEALTHSVC_TEST_SOAK_MINUTES=$(MINUTES) $(BIN)/python -m pytest -m soak --timeout 0

format: .venv/.installed-dev ## format the code and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

schemas: .venv/.installed-dev ## regenerate schemas/ from the code
	$(BIN)/python -m healthsvc.wire.schemas write

docs: .venv/.installed-dev ## regenerate the sections of documents that come from the code
	$(BIN)/python -m tests.support.documents

constraints: .venv/.installed-dev ## pin the versions that are installed now
	$(BIN)/python -m pip --disable-pip-version-check freeze --exclude-editable > constraints.txt

clean: ## remove the environment, caches and build results (not data/)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .kafka build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Remade only when what it is made of changes. The dev environment is the same one, with more in it.
.venv/.installed: pyproject.toml constraints.txt
	$(ENVIRONMENT)
	@echo "Installing healthsvc and its dependencies into .venv; the first time this takes a minute or two …"
	@$(PIP) --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed
	@echo "Installing what the tests and checks need …"
	@$(PIP) --editable '.[dev]'
	@touch $@
