# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test tools check soak-crash approvals bench pictures lock clean

help: ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

$(VENV)/.demo: requirements/demo.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.demo ## the whole product on this machine; ARGS="--headless --json" for scripts
	@$(BIN)/python -m bot demo $(ARGS)

demo-reset: ## forget everything the demo kept in .demo/
	@rm -rf .demo

# Most tests wait for a server most of the time, so there are more processes than cores; tests/conftest.py says how they are spread.
test: $(VENV)/.dev ## every test, in four processes; ARGS="tests/unit -n0" for some; what misses a program skips and says so
	@$(BIN)/python -m pytest -n 4 --dist loadscope $(ARGS)

tools: .tools/.installed ## anvil, cast, forge, solc and OpenZeppelin from npm, into .tools; their tests skip without

.tools/.installed: .ci/npm/package.json .ci/npm/package-lock.json
	@mkdir -p .tools && cp .ci/npm/package.json .ci/npm/package-lock.json .tools/
	@npm ci --prefix .tools --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

check: $(VENV)/.dev ## lint, types, import contracts, docs against code, sizes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.check_sizes

approvals: $(VENV)/.dev ## 100,000 generated sequences of requests and decisions; SEQUENCES=1000 for fewer
	@$(BIN)/python -m tests.approval_sequences --sequences $(or $(SEQUENCES),100000)

soak-crash: $(VENV)/.dev ## three replicas under a tormentor; ARGS="--kills 200 --seed 7 --minutes 60"
	@$(BIN)/python -m tests.soak $(ARGS)

bench: $(VENV)/.dev ## side-by-side measurements; ONLY=ack runs a part
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY),)

pictures: $(VENV)/.dev ## make the pictures of the documents from the real page
	@$(BIN)/python -m tests.e2e.pictures

lock: ## pin every dependency, with hashes and without addresses
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements/base.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra demo pyproject.toml -o requirements/demo.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra demo --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove the virtual environment and every cache
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
