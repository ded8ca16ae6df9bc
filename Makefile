# Chattergram. `make run` needs Python 3.11 or newer and nothing else; `make test` also Chromium, see `browser`.

PYTHON ?= python3
VENV := .venv/bin

.PHONY: run test fault bench check fmt setup requirements wheels audit browser screenshots settings clean help

run: setup  ## Start everything; PORT and DATA_DIR choose another port and another data folder
	@$(VENV)/python -m dev.run

test: setup wheels browser check  ## Lint, types, all tests; prints little when all is well
	@$(VENV)/python -m pytest --numprocesses 2

fault: setup  ## Break every process and store, again and again, under load; eleven minutes
	@$(VENV)/python -m pytest tests/fault -m "long or not long"

bench: setup  ## Measure: latencies, throughput, memory, beside their targets; a quarter of an hour, on an idle machine
	@$(VENV)/python -m pip --disable-pip-version-check install -qq --require-hashes -r requirements/bench.txt
	@$(VENV)/python -m bench

check: setup  ## Lint, format and types alone
	@$(VENV)/ruff check --quiet .
	@$(VENV)/ruff format --check --quiet .
	@$(VENV)/mypy --no-error-summary

fmt: setup  ## Format, and mend what can be mended
	@$(VENV)/ruff check --quiet --fix-only .
	@$(VENV)/ruff format --quiet .

setup:  ## .venv with exactly the compiled requirements; does nothing when it is there
	@$(PYTHON) dev/bootstrap.py

requirements: setup  ## Make requirements/*.txt from the .in files; UPGRADE=1 takes the newest of what those bring in
	@$(VENV)/python -m dev.requirements compile $(if $(UPGRADE),--upgrade)
	@$(PYTHON) dev/bootstrap.py

wheels: setup  ## Ask the index whether every requirement has wheels for each Python and processor; once per change
	@$(VENV)/python -m dev.wheels

audit: setup  ## Ask osv.dev and npm whether a pinned version has a known weakness; needs the network
	@$(VENV)/python -m dev.audit

browser: setup  ## Chromium or Chrome for the browser's tests; where there is none, Debian's package if that may be installed
	@$(VENV)/python -m dev.system

screenshots: setup browser  ## Pictures of every screen into .data/screenshots, the best of them into docs/screenshots
	@$(VENV)/python -m tests.e2e.screenshots

settings: setup  ## Renew .env.example and README.md's table from config/settings.py
	@$(VENV)/python -m dev.settings_docs

clean:  ## Remove what can be made again; the data in .data stays
	@rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## What there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16
