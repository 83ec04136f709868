# The two commands a newcomer needs: `make demo` and `make test`. Each does all of its own set-up.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo compare test check bench help clean
help:
	@echo "make demo | compare | test | check | bench"

$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.compare: pyproject.toml sdk/python/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[compare,plot]' --editable sdk/python
	@touch $(VENV)/.run $@

$(VENV)/.test: pyproject.toml sdk/python/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test]' --editable sdk/python
	@touch $(VENV)/.run $(VENV)/.compare $@

demo: $(VENV)/.run
	$(BIN)/limpet demo $(ARGS)

compare: $(VENV)/.compare
	$(BIN)/limpet compare $(ARGS)

test: $(VENV)/.test
	sh tests/install.sh
	$(MAKE) --no-print-directory check
	$(BIN)/pytest -n 2 $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

bench: $(VENV)/.test
	sh bench/install.sh
	$(BIN)/python -m bench $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info
