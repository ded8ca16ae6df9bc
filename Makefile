# Chattergram. `make run` needs only Python 3.11 or newer; `make test` also needs Chromium (see `browser`) and npm packages.

PYTHON ?= python3
VENV := .venv/bin

ifeq ($(firstword $(MAKECMDGOALS)),bench)  # the words after it name scenarios, not targets
SCENARIOS := $(wordlist 2, $(words $(MAKECMDGOALS)), $(MAKECMDGOALS))
.PHONY: $(SCENARIOS)
$(SCENARIOS): ; @:
endif

.PHONY: run build test fault attack bench check lint types page-check page-tests collect fmt setup requirements wheels audit browser screenshots settings clean help

run: setup  ## Start everything; PORT and DATA_DIR choose another port and another data folder
	@$(VENV)/python -m dev.run

build: setup  ## Bundle and compress the page, as `make run` does; does nothing if it is up to date
	@$(VENV)/python -m dev.page

test: setup  ## Lint, types and all tests; prints little if all is well
	@$(MAKE) --no-print-directory --jobs 2 types page-check wheels page-tests collect lint browser  # longest first
	@# Some images set the variable. Without bytecode each of some 200 processes, and pytest five times, compiles all of it.
	@env -u PYTHONDONTWRITEBYTECODE $(VENV)/python -m pytest --numprocesses 5 --no-loadscope-reorder  # longest folders first

fault: setup  ## Break every process and store repeatedly under load, on one Redis and on a cluster; 25 minutes
	@$(VENV)/python -m pytest tests/fault -m "long or not long"
	@TEST_REDIS=cluster $(VENV)/python -m pytest tests/fault tests/cluster -m "long or not long"

attack: setup  ## Attack a running system with floods, slow clients and forged headers; two minutes
	@ATTACK_SECONDS=3 $(VENV)/python -m pytest tests/attack -m "long or not long" --capture=no

bench: setup  ## Measure everything against its targets, in twenty minutes on an idle machine; `make bench page` only the page
	@$(VENV)/python -m pip --disable-pip-version-check install -qq --require-hashes -r requirements/bench.txt
	@$(VENV)/python -m bench $(SCENARIOS)

check: lint types page-check  ## Only lint, format and types

lint: setup
	@$(VENV)/ruff check --quiet .
	@$(VENV)/ruff format --check --quiet .

types: setup
	@$(VENV)/mypy --no-error-summary

page-check: setup
	@$(VENV)/python -m dev.node check

page-tests: setup
	@$(VENV)/python -m dev.node test

collect: setup  # compiles the tests, which else each of the processes of `make test` would do
	@said=$$(env -u PYTHONDONTWRITEBYTECODE $(VENV)/python -m pytest --collect-only 2>&1) || { echo "$$said"; exit 1; }

fmt: setup  ## Format, fix what can be fixed automatically, and renew the page's list of preloads
	@$(VENV)/ruff check --quiet --fix-only .
	@$(VENV)/ruff format --quiet .
	@$(VENV)/python -m dev.node format
	@$(VENV)/python -m dev.preloads

setup:  ## Make .venv hold exactly the compiled requirements; does nothing if it is up to date
	@$(PYTHON) dev/bootstrap.py

requirements: setup  ## Compile requirements/*.txt from the .in files; UPGRADE=1 takes the newest allowed dependencies
	@$(VENV)/python -m dev.requirements compile $(if $(UPGRADE),--upgrade)
	@$(PYTHON) dev/bootstrap.py

wheels: setup  ## Check that every requirement has wheels for each Python and processor; asks the index once per change
	@$(VENV)/python -m dev.wheels

audit: setup  ## Ask osv.dev and npm whether a pinned version has a known vulnerability; needs the network
	@$(VENV)/python -m dev.audit

browser: setup  ## Find Chromium or Chrome for the browser tests, or install Debian's package if allowed
	@$(VENV)/python -m dev.system

screenshots: setup browser  ## Take pictures of every screen into .data/screenshots, the best into docs/screenshots
	@$(VENV)/python -m tests.e2e.screenshots

settings: setup  ## Generate .env.example and README.md's table from config/settings.py
	@$(VENV)/python -m dev.settings_docs

clean:  ## Remove everything that can be made again; the data in .data stays
	@rm -rf .venv .tools node_modules web/static/built .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16
