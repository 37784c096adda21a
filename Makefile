PY := .venv/bin/python
READY := python=$$(scripts/find_python) && "$$python" scripts/make_ready.py
# More processes than this gain nothing: each starts emulators of its own.
PYTEST := $(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal
say = @echo "== $(1)"

.DEFAULT_GOAL := help
.PHONY: help run test check format picture bench fuzz audit clean for-run for-dev

help: ## say what can be made
	@echo "Meterwatch. Each target does its own set-up, once."
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-9s %s\n' "$$name" "$$what"; done

run: for-run ## watch a simulated tenant and show what is told (ARGS="...": options)
	@$(PY) -m cli run $(ARGS)

test: for-dev ## run the tests (ARGS="...": a file, -k name, ...)
	$(call say,tests)
	@$(PYTEST) $(ARGS)

check: for-dev ## format, lint, types, and the tests with branch coverage
	$(call say,format)
	@$(PY) -m ruff format --check .
	$(call say,lint)
	@$(PY) -m ruff check .
	$(call say,types)
	@$(PY) -m mypy
	$(call say,tests with branch coverage)
	@$(PYTEST) --cov --cov-report=term:skip-covered

format: for-dev ## format the code, and mend what ruff can mend
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

picture: for-dev ## draw messages of the last run as Slack and Teams show them
	@$(PY) -m cli picture $(ARGS)

bench: for-dev ## measure what polling a large estate costs, and how soon the webhook answers
	@for one in bench/[a-z]*.py; do $(PY) -m bench.$$(basename $$one .py) || exit; done

fuzz: for-dev ## a million inputs for the parser and the HTTP functions (RUNS=...: another number)
	@$(PY) -m fuzz $(or $(RUNS),1000000)

audit: for-dev ## ask whether what is installed has known weaknesses
	@$(PY) scripts/audit.py

clean: ## remove all that set-up and runs have made
	rm -rf .venv .setup node_modules out .coverage .coverage.* htmlcov \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis build meterwatch.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

for-run:
	@$(READY) run

for-dev:
	@$(READY) dev
