# demo: a fresh machine to a page you can open. test: what CI runs. The rest is for working on lifecourse.
.DELETE_ON_ERROR:
.PHONY: demo test lint format types bench prove docs lock clean serve

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
DEMO_SUBJECTS ?= 5000
BENCH ?= build/bench

demo: .stamps/run
	$(BIN)/lifecourse simulate --subjects $(DEMO_SUBJECTS) --seed 1 --format fhir --out $(DEMO)/source
	$(BIN)/lifecourse run $(DEMO)/source --out $(DEMO)/workspace --identifiability synthetic
	$(BIN)/lifecourse pages $(DEMO)/workspace --most 20
	@echo
	@echo "Or serve all of them, signed in and audited:  $(BIN)/lifecourse serve $(DEMO)/workspace"
	@echo "It prints a sign-in link for http://127.0.0.1:8000/"

serve: .stamps/run
	$(BIN)/lifecourse serve $(DEMO)/workspace

test: .stamps/test .stamps/npm
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

lint: .stamps/test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: .stamps/test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .stamps/test
	$(BIN)/python -m benchmarks --folder $(BENCH) $(ONLY)

prove: .stamps/test
	$(BIN)/python tools/prove.py $(ONLY)

docs: .stamps/test
	$(BIN)/python tools/gen_docs.py

# The lock files name versions and hashes, no registry: pip asks the one it is set up with.
lock: .stamps/test
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-header --extra build -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-header --extra build --extra test --extra dev -o requirements-dev.lock

clean:
	rm -rf $(VENV) .stamps $(DEMO) build dist

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lifecourse needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

.stamps/run: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -qq --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@mkdir -p .stamps && touch $@

# axe-core, which the browser tests run inside the pages, and the engines that run our CQL and check our FHIR; without npm
# these tests say so and are skipped.
.stamps/npm: tests/browser/package-lock.json tests/cql/package-lock.json
	if command -v npm >/dev/null; then npm ci --silent --prefix tests/browser && npm ci --silent --prefix tests/cql; fi
	@mkdir -p .stamps && touch $@

# The extra `deep`, which no lock has: PyTorch is a different file on each kind of machine. CI wants it; without it the tests
# of the sequence model say so and are skipped. CI installs this release: its file here is for processors alone.
.stamps/deep: pyproject.toml .stamps/test
	$(BIN)/python -m pip install -qq torch==2.13.0
	$(BIN)/python -m pip install -qq --no-build-isolation --editable '.[deep]'
	@touch $@

.stamps/test: requirements-dev.lock .stamps/run
	$(BIN)/python -m pip install -qq --require-hashes --no-deps -r requirements-dev.lock
	@mkdir -p .stamps && touch $@
