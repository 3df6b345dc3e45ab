# Everything runs in .venv, which these targets make. PYTHON may name another interpreter.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo demo-docker test test-envs test-long check lint types fast coverage docs bench clean

help:
	@echo "make demo      log a small search, register the best, serve it, call it with curl"
	@echo "make demo-docker  the same model as an image, in a container"
	@echo "make test      everything: lint, types, all tests, coverage"
	@echo "make test-long a server under minutes of load and faults, many more random inputs"
	@echo "make test-envs every flavor in an environment of its own (gigabytes, half an hour)"
	@echo "make check     the fast loop: lint, types, architecture, unit tests"
	@echo "make docs      write the generated parts of docs/ again"
	@echo "make bench     measure beside MLflow, print the table of benchmarks/README.md"
	@echo "make clean     remove .venv and caches"

# The environment of the demo is part of the environment of the tests.
$(VENV)/demo-stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "flavorkit needs Python 3.11 or newer; set PYTHON=/path/to/it"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "no venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "installing flavorkit into $(VENV) (about half a minute) ..."
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/pip install --quiet --editable '.[sklearn]'
	@touch $@

$(VENV)/test-stamp: $(VENV)/demo-stamp
	@echo "installing what the tests need, all frameworks and stock MLflow (some minutes) ..."
	@$(BIN)/pip install --quiet --editable '.[arrow,polars,sklearn]' \
	  --group test --group frameworks
	@$(BIN)/pip install --quiet --no-deps --group frameworks-alone
	@touch $@

demo: $(VENV)/demo-stamp
	@$(BIN)/python examples/demo.py

demo-docker: $(VENV)/demo-stamp
	@$(BIN)/python examples/demo_docker.py

test: lint types coverage

check: lint types fast

lint: $(VENV)/test-stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/test-stamp
	$(BIN)/mypy

fast: $(VENV)/test-stamp
	$(BIN)/pytest -n auto --dist loadgroup -m "not slow and not envs and not long" --ignore tests/interop

coverage: $(VENV)/test-stamp
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -n auto --dist loadgroup -m "not envs and not long"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-envs: $(VENV)/test-stamp
	$(BIN)/pytest -m "envs or slow" tests/flavors/test_own_environment.py

test-long: $(VENV)/test-stamp
	$(BIN)/pytest -v -s -m long tests
	$(BIN)/pytest -n auto --hypothesis-profile explore -m hypothesis tests

docs: $(VENV)/test-stamp
	$(BIN)/python docs/generate.py

bench: $(VENV)/test-stamp
	$(BIN)/python -m compileall -q $(VENV)/lib >/dev/null || true
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
