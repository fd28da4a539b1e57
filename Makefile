# Everything starts from a bare Python (3.11 or later) and make: `make` alone lists what there is.
# Each target first makes the environment in .venv; when it is up to date that costs nothing.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := bot handlers providers storage sandbox
CATALOGUE := $(VENV)/messages.pot

# May be overridden: make demo PORT=4000, make test ARGS="-k remove", make test PYTHON=python3.13
PORT ?= 3000
ARGS ?=
WORKERS ?= 2
SECONDS ?= 60
SEED ?=
PYTHON ?= $(shell for one in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$one && break; done)
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
export UV_PROJECT_ENVIRONMENT := $(VENV)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV
# Each worker, and each process a test starts, would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@echo "Usage: make TARGET"
	@sed -n 's/^\([a-z-]*\):.* ## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

# ---- Running ----

.PHONY: demo serve
demo: ready ## Try it: the bot beside a local Slack, Google, Microsoft, HubSpot and mail host (PORT=3000; PROGRAMS=1)
	@$(BIN)/python -m sandbox --port $(PORT) $(if $(PROGRAMS),--programs)

serve: ready ## Run the bot with the settings in .env
	@$(BIN)/python -m bot serve

# ---- Giving it to others ----

.PHONY: wheel
wheel: ready ## Build what pip, pipx and uvx install, into dist/
	@$(BIN)/python -m hatchling build -t wheel

.PHONY: site
site: ready ## Build the documents as a site, into dist/site; a link that leads nowhere fails
	@$(BIN)/python -m sphinx -q -W --keep-going -c tools/site -d dist/.doctrees . dist/site
	@echo "dist/site/index.html"

# ---- Checking ----

.PHONY: test test-browser week fuzz check bench verify-online
test: ready ## Run all tests, on SQLite and PostgreSQL, in a browser where there is one (ARGS=)
	@if [ -n "$(CHROMIUM)" ]; then CHROMIUM="$(CHROMIUM)" $(PYTEST) $(ARGS); \
	elif [ -n "$$CI" ]; then echo "$(NO_CHROMIUM)" >&2; exit 1; \
	else $(PYTEST) -m "not browser" $(ARGS) && printf '\n*** LEFT OUT: %s\n' "$(NO_CHROMIUM)" >&2; fi

test-browser: ready ## Run only the tests that drive a real browser
	@[ -n "$(CHROMIUM)" ] || { echo "$(NO_CHROMIUM)" >&2; exit 1; }
	@CHROMIUM="$(CHROMIUM)" $(BIN)/python -m pytest -m browser $(ARGS)

week: ready ## Play seven days of 200 mailboxes in virtual time: an hour or two (SEED= plays one again, ARGS=)
	@WEEK=large WEEK_SEED=$(SEED) PYTHONHASHSEED=0 KILLS=all $(BIN)/python -m pytest -n 0 -s -p no:cacheprovider tests/simulation/test_week.py \
		tests/simulation/test_killed_steps.py tests/simulation/test_hubspot_week.py $(ARGS)

fuzz: ready ## Throw odd inputs at the product: all targets in SECONDS=60, one find again with SEED= (ARGS=)
	@FUZZ_SECONDS=$(SECONDS) FUZZ_SEED=$(SEED) $(BIN)/python -m pytest -n 0 -q -s -p no:cacheprovider tests/fuzz $(ARGS)

NO_CHROMIUM = The browser tests need Chromium, and there is none. On Debian: apt install chromium \
	fonts-noto-cjk; elsewhere name one with CHROMIUM=/path/to/chromium. Then: make test-browser

check: ready ## Format, lint, types, who imports whom, translations: all that is not a test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) tests tools
	$(BIN)/lint-imports
	$(BIN)/python tools/picture.py --check
	@$(EXTRACT)
	@$(UPDATE) --check 2>/dev/null || \
		{ echo "The catalogues in locales/ lag behind the code: run make messages and translate." >&2; exit 1; }

bench: ready ## Measure against the floors of the design (ARGS=)
	@$(BIN)/python -m bench $(ARGS)

verify-online: ready ## Walk the path with real accounts, a person beside it; writes docs/verified.md (ARGS=)
	@$(BIN)/python -m tools.verify_online $(ARGS)

# ---- What is made from the code ----

.PHONY: docs messages screenshots
docs: ready ## Write docs/lifecycle.md, docs/settings.md, app.yaml and the picture in docs/architecture.md anew
	@$(BIN)/python -m tools.lifecycle_doc > $(VENV)/lifecycle.md && mv $(VENV)/lifecycle.md docs/lifecycle.md
	@$(BIN)/python -m tools.settings_doc > $(VENV)/settings.md && mv $(VENV)/settings.md docs/settings.md
	@$(BIN)/python -m bot manifest > $(VENV)/app.yaml && mv $(VENV)/app.yaml app.yaml
	@$(BIN)/python tools/picture.py

screenshots: ready ## Take the pictures in docs/screens/ anew: needs Chromium
	@[ -n "$(CHROMIUM)" ] || { echo "$(NO_CHROMIUM)" >&2; exit 1; }
	@$(BIN)/python -m tests.screens docs/screens --chromium "$(CHROMIUM)"

# Without places in the files: moving a line is not a change of words.
EXTRACT = $(BIN)/pybabel --quiet extract -F pyproject.toml -k say -k count:1,2 --no-location --sort-output \
	--project Inboxkeeper --version "" -o $(CATALOGUE) .
UPDATE = $(BIN)/pybabel --quiet update -D inboxkeeper -N --ignore-pot-creation-date -i $(CATALOGUE) -d locales

messages: ready ## Bring the catalogues in locales/ up to date with the code
	@$(EXTRACT)
	@$(UPDATE)

# ---- The environment ----

.PHONY: ready
ready: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml uv.lock
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Inboxkeeper needs Python 3.11 or later; here is: $$($(or $(PYTHON),python3) --version 2>/dev/null || echo none)." >&2; \
		echo "Install one (Debian: apt install python3 python3-venv) or name it: make ... PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
		uv=.uv/bin/uv; \
		[ -x $$uv ] || { \
			$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
				echo "$(PYTHON) cannot make virtual environments. On Debian: apt install python3-venv" >&2; \
				exit 1; }; \
			echo "Installing uv into .uv ..."; \
			$(PYTHON) -m venv --clear .uv && .uv/bin/python -m pip install --quiet 'uv>=0.8'; \
		} || exit 1; \
	fi; \
	echo "Making the environment in $(VENV) ..."; \
	$$uv sync --quiet --locked --compile-bytecode --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@
