# Targets for people; see CONTRIBUTING.md. `make serve` and `make test` work on a fresh clone.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet

.PHONY: serve test check browser eval bench image image-test clean

serve: $(VENV)/.base
	@$(BIN)/chiasm models pull --all || echo "serving without it"
	@$(BIN)/chiasm models check
	@$(BIN)/chiasm serve --port $(PORT)

test: check browser
	$(BIN)/pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The page is tested in Debian's Chromium. Who may not install it sees its tests skipped.
browser:
	@test -x "$$CHROMIUM" || command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	    && echo "installing Debian's chromium-headless-shell" && apt-get update -qq \
	    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
	      chromium-headless-shell >/dev/null; } \
	  || echo "no Chromium, and it cannot be installed here: the tests of the page are skipped"

eval: $(VENV)/.dev
	$(BIN)/python -m tools.evaluate

bench: $(VENV)/.dev $(VENV)-bench/.rivals
	$(BIN)/python -m bench

# Docker where its daemon runs; otherwise buildah, on a base of its own (as root, on Debian).
image:
	@if docker info > /dev/null 2>&1; then \
	  docker build --build-arg VERSION="$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)" \
	    --build-arg REVISION="$$(git rev-parse HEAD)" --tag chiasm .; \
	else docker/build.sh; fi

# Builds the image with buildah, runs it without network on a read-only root, and drives it.
image-test: $(VENV)/.dev
	docker/build.sh
	$(BIN)/python -m tools.image

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
