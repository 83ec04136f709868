# The two commands a newcomer needs: `make demo` and `make test`. Each does all of its own set-up.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The byte path as machine code (docs/decisions/0015-compiled.md): made anew when one of its sources has changed.
COMPILED := build/compiled
COMPILES := setup.py pyproject.toml $(wildcard proxy/*.py routing/*.py sessions/*.py sessions/*/*.py sessions/*/*/*.py)
# In front of a command it has the compiled modules used: they come before those of the checkout.
WITH_COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(COMPILED):$(CURDIR)
# What runs on both, without the two files that mostly wait, and with one of those that have processes of their own.
COMPILED_TESTS := tests/test_protocols.py tests/proxy tests/routing tests/corpus tests/sessions tests/scenarios \
	tests/control/test_build.py tests/survival/test_a_counter_survives_its_node.py \
	$(addprefix --ignore=tests/,sessions/stores scenarios/test_slow_clients_are_gone_in_time.py \
	scenarios/test_a_session_moves_only_when_its_node_cannot_serve_it.py)

.PHONY: demo compare test test-compiled compiled check bench bench-quick bench-plots help clean
help:
	@echo "make demo | compare | test | test-compiled | compiled | check | bench | bench-quick | bench-plots"

$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.demo: pyproject.toml sdk/python/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[demo]' --editable sdk/python
	@touch $(VENV)/.run $@

$(VENV)/.plot: $(VENV)/.demo
	$(BIN)/pip install --quiet --editable '.[plot]'
	@touch $@

$(VENV)/.test: pyproject.toml sdk/python/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[test]' --editable sdk/python
	@touch $(VENV)/.run $(VENV)/.demo $(VENV)/.plot $@

demo: $(VENV)/.demo
	$(BIN)/limpet demo $(ARGS)

# What draws is half of what there is to install, and is only needed for that.
compare: $(VENV)/.demo $(if $(findstring --plot,$(ARGS))$(findstring --report,$(ARGS)),$(VENV)/.plot)
	$(BIN)/limpet compare $(ARGS)

# The compiler takes what the tests, which wait a lot, leave it of the machine.
test: $(VENV)/.test
	sh tests/install.sh
	$(MAKE) --no-print-directory check
ifeq ($(ARGS),)
	nice -n 19 $(MAKE) --no-print-directory compiled & compiling=$$!; \
	$(BIN)/pytest -n 3; tested=$$?; wait $$compiling && exit $$tested
	$(MAKE) --no-print-directory test-compiled
else
	$(BIN)/pytest -n 2 $(ARGS)
endif

test-compiled: $(VENV)/.test $(COMPILED)/.done
	$(WITH_COMPILED) $(BIN)/pytest --compiled --import-mode=append -n 2 $(COMPILED_TESTS) $(ARGS)

compiled: $(COMPILED)/.done

$(COMPILED)/.done: $(VENV)/.run $(COMPILES)
	PYTHON=$(BIN)/python sh tests/install.sh compiler
	rm -rf build
	LIMPET_COMPILE=1 $(BIN)/pip install --quiet --no-deps --target $(COMPILED) .
	rm -rf $(COMPILED)/config $(COMPILED)/control
	@touch $@

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py

# Twelve minutes, and two more where `make compiled` has not been; without a C compiler that contender is left out.
bench: $(VENV)/.test
	sh bench/install.sh
	-$(MAKE) --no-print-directory compiled
	$(BIN)/python -m bench $(ARGS)

# Small requests alone, within a minute; of what `make compiled` has made only if that is of the present source.
bench-quick: $(VENV)/.test
	$(BIN)/python -m bench --quick --seconds 1 $(ARGS)

bench-plots: $(VENV)/.test
	$(BIN)/python -m bench.growth

clean:
	rm -rf $(VENV) build dist *.egg-info
