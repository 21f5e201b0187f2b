# The project's commands. `make` alone prints them; each does all of its own set-up.

VENV := $(or $(ANGIME_VENV),.venv)
BIN := $(VENV)/bin
STAMP := $(VENV)/.angime-installed

# Python keeps what it compiled, whatever the shell says: else each of a hundred processes would compile torch anew.
unexport PYTHONDONTWRITEBYTECODE

# What `make check` does, two at a time: types take as long as all others together.
CHECKS := check-types check-queries check-style check-laws check-pages check-locks

.DEFAULT_GOAL := help
.PHONY: help setup check $(CHECKS) audit test test-all torture-quick torture demo up generate pictures bench rivals clean

help: ## print these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## install what requirements.lock names into .venv (ANGIME_VENV names another folder)

$(STAMP): requirements.lock pyproject.toml scripts/setup
	@scripts/setup "$(VENV)"
	@touch "$@"

check: setup ## look the code over: style, types, import laws, SQL, pages printed from code
	@$(MAKE) --no-print-directory --jobs 2 $(CHECKS)

check-types:
	$(BIN)/basedpyright --pythonpath $(BIN)/python

check-queries:
	$(BIN)/sqlfluff lint analytics

check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-laws:
	$(BIN)/lint-imports

check-pages:
	$(BIN)/angime docs --check

check-locks:
	@! grep -nE '://| @ ' requirements.lock pipelines/kafka/jgo.lock.toml \
		|| { echo 'A lock names an address; locks hold names, versions and checksums only.'; exit 1; }

audit: setup ## look for known weaknesses: bandit over the code, pip-audit over the lock (it asks a public service)
	@# Built SQL is left out here: ruff judges it line by line, each with its reason.
	$(BIN)/uvx -q bandit@1.9.4 -q -ll --skip B608 -r angime schemas pipelines streams analytics dashboards
	$(BIN)/uvx -q pip-audit@2.10.1 --disable-pip --no-deps -r requirements.lock

test: setup ## run every test: a quarter of an hour on two cores (ARGS="-k missed" to choose)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-all: setup ## run every test, with twenty times as many drawn cases
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --hypothesis-profile=thorough --timeout=3600 $(ARGS)

torture-quick: setup ## inflict faults, a little of each: processes killed, records doubled, files damaged (minutes)
	$(BIN)/python -m tests.torture --quick $(ARGS)

torture: setup ## inflict every fault many times (within an hour; ARGS="--only kills --seed 7" to choose and repeat)
	$(BIN)/python -m tests.torture $(ARGS)

demo: setup ## show a simulated company's calls, from signed webhooks to open pages
	$(BIN)/angime demo $(ARGS)

up: setup ## run broker, receiver, normaliser, streams, lander and pages; Ctrl-C stops them
	$(BIN)/angime up $(ARGS)

generate: setup ## print schemas and docs from the code again
	$(BIN)/angime docs

pictures: setup ## take the pictures of the docs again, from a demo that runs
	$(BIN)/python -m tests.dashboards.pictures $(ARGS)

bench: setup ## measure throughput and freshness, each against a bare loop
	$(BIN)/python -m tests.bench $(ARGS)

rivals: setup ## throw the same faults at what people write first, and count what each lost, doubled and had wrong
	$(BIN)/python -m tests.rivals $(ARGS)

clean: ## delete the installed environment and every cache; the state in .angime stays
	rm -rf "$(VENV)" .pytest_cache .ruff_cache .hypothesis .import_linter_cache
