# Targets for people; see CONTRIBUTING.md. `make serve` and `make test` work on a fresh clone.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet

.PHONY: serve test check eval bench image clean

serve: $(VENV)/.base
	@$(BIN)/chiasm models pull --all || echo "serving without it"
	@$(BIN)/chiasm models check
	@$(BIN)/chiasm serve --port $(PORT)

test: check
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

eval: $(VENV)/.dev
	$(BIN)/python -m tools.evaluate

bench: $(VENV)/.dev $(VENV)-bench/.rivals
	$(BIN)/python -m bench

image:
	docker build -t chiasm .

clean:
	rm -rf $(VENV) $(VENV)-bench .cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.base: requirements/base.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned requirements into $(VENV)"
	@$(PIP) -r requirements/base.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)-bench/.rivals: requirements/bench.txt
	@test -x $(VENV)-bench/bin/python || $(PYTHON) -m venv $(VENV)-bench
	@echo "installing what is compared with into $(VENV)-bench"
	@$(VENV)-bench/bin/pip --disable-pip-version-check install --quiet -r requirements/bench.txt
	@touch $@
