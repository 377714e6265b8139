# tiercel: `make demo` and `make test` set up everything they need in .venv
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test bench lint fuzz docs build clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	TIERCEL_PURE=1 $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

build: $(STAMP)  # without a C compiler it does nothing
	@echo "kernels: building what changed (a minute or two the first time)"
	@$(BIN)/python setup.py -q build_ext --inplace

demo: $(STAMP) build
	$(BIN)/python examples/demo.py

test: $(STAMP) build
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check src tests bench examples docs deploy
	$(BIN)/ruff format --check src tests bench examples docs deploy
	$(BIN)/mypy

bench: $(STAMP) build
	$(BIN)/python bench/scan.py
	$(BIN)/python bench/hunt.py

fuzz: $(STAMP) build
	$(BIN)/python -m tests.fuzz.run --runs $(or $(RUNS),100000)

docs: $(STAMP)
	$(BIN)/python docs/generate.py

clean:
	rm -rf build src/tiercel.egg-info $(VENV)
	find src -name '*.so' -delete -o -name '__pycache__' -type d -prune -exec rm -rf {} +
