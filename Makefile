# Two commands: `make run` opens the lab, `make test` checks it. Both set up what they need.
# `make test-all` adds wider browser rounds and the largest networks and starts every benchmark once, as CI does.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One OpenMP thread: the tests' own threads and the app beside them would fight for the cores.
# Two arenas: glibc otherwise keeps what each of the gate's threads has freed, 0.4 GB with the dearest tab.
# Bytecode is kept: each process would else rewrite the tests' assertions anew.
TEST_ENV := OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=2 PYTHONDONTWRITEBYTECODE=
# Node comes by pip, like all the rest; its own tools find it on the path.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm --prefix tests/frontend

# Files go to the processes in their order, the browser tests to one of them: see tests/conftest.py.
PYTEST := $(TEST_ENV) $(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

.PHONY: run test test-all run-tests test-busy lint docs bench load faults screenshots clean

run: $(VENV)/run.stamp
	$(BIN)/streamlit run app.py

# Linting, a minute of one core, goes on beside the tests.
test: $(VENV)/test.stamp
	$(MAKE) --jobs 2 lint run-tests WHICH='-m "not wide"'

test-all: $(VENV)/test.stamp
	$(MAKE) --jobs 2 lint run-tests

run-tests: $(VENV)/test.stamp
	$(PYTEST) $(WHICH)

# The same tests while another program takes half of every core: they pass, only later.
test-busy: $(VENV)/test.stamp
	$(BIN)/python tests/busy.py env $(PYTEST) -m "not wide"

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run --silent check

# Pages of the API from its docstrings: docs/api/index.html.
docs: $(VENV)/test.stamp
	$(BIN)/python -m docs.make_api

bench: $(VENV)/test.stamp
	$(BIN)/python -m benchmarks

# Thirty sessions for two minutes; with the waiting for those who left, about eight minutes in all.
load: $(VENV)/test.stamp
	$(BIN)/python -m benchmarks.load

# Everything that is made to go wrong in the tests, as a table.
faults: $(VENV)/test.stamp
	$(TEST_ENV) $(BIN)/pytest -m fault

# The README's screenshots, taken by the browser tests.
screenshots: $(VENV)/test.stamp
	CNNLAB_SCREENSHOTS=1 $(TEST_ENV) $(BIN)/pytest tests/e2e

$(VENV)/run.stamp: requirements.txt constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'cnnlab needs Python 3.11 or newer; choose one with PYTHON=...')"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp requirements-dev.txt requirements-peers.txt tests/browser.py tests/frontend/package-lock.json
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps -r requirements-peers.txt
	$(NPM) ci --no-audit --no-fund
	$(BIN)/python tests/browser.py
	touch $@

clean:
	rm -rf $(VENV) test-artifacts tests/frontend/node_modules
