# Python 3.11 to 3.13 and make are all that a machine needs. `make` names the targets.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup try demo demo-llm dev test check many-campaigns chaos hostile bench bench-seeds mutants clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 13

# --no-deps: the locks are complete, and a pip that resolves beside them refuses a pinned package as soon as a newer one
# is published, where something asks for it with an extra. `pip check` says if a lock were not complete.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "GAELP needs Python 3.11, 3.12 or 3.13; this is %d.%d. Name another: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check >.venv/check || { cat .venv/check; exit 1; }
	@touch $@

setup: .venv/ready ## the virtual environment with every dependency

try: setup ## what stands out in two example ad accounts, as text and as a page; seconds after set-up
	@$(BIN)/python starter.py audit examples/shop.csv --target-cpa 30
	@echo
	@$(BIN)/python starter.py audit examples/shop_troubled.csv --target-cpa 30 --page shop_troubled.html

demo: setup ## an agent through all four phases, and a poor one that is refused; about a minute after set-up
	@$(BIN)/python -m gaelp.demos.whole_run $(ARGS)

# 290 MB that nothing else needs, so not part of `make setup`.
.venv/llm-ready: requirements-llm.lock .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-llm.lock
	@touch $@

demo-llm: .venv/llm-ready ## personas rated by a real, very small language model on this machine; some minutes
	@$(BIN)/python -m gaelp.demos.rated_personas $(ARGS)

dev: setup ## the local services and workers in the foreground; Web UI on port 8233
	@$(BIN)/python starter.py dev

check: setup ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Prometheus and promtool, which test deploy/prometheus and the dashboard: from Debian's archive, unpacked and not
# installed. Where it cannot be had, those tests are skipped and say so.
.venv/prometheus: .venv/ready
	@place=$(CURDIR)/$@ && cd "$$(mktemp -d)" && { apt-get download prometheus && dpkg -x prometheus_*.deb "$$place" && touch "$$place"; } >/dev/null 2>&1 \
	    || echo "Prometheus is not in reach of apt-get: its tests are skipped"

# Compiled modules matter: Temporal's sandbox imports the workflow modules anew for every workflow.
test: setup .venv/prometheus ## all tests
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

many-campaigns: setup ## a phase of 2,000 campaigns of 90 days to its gate, and what it costs; some minutes
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -s -m long tests/workflows/test_many_campaigns.py $(ARGS)

chaos: setup ## runs killed, cancelled and terminated at random, and 100,000 hostile sequences, which take hours (ARGS=--sequences=0 for none)
	@PYTHONPATH=. $(BIN)/python scripts/chaos.py $(ARGS)

hostile: setup ## only the campaigns under a hostile platform, on a virtual clock; ARGS="--sequences 10000"
	@PYTHONPATH=. $(BIN)/python scripts/hostile_platform.py $(ARGS)

bench: setup ## how fast the market is, beside bare numpy kernels and other simulators; ARGS=--quick for a few minutes
	@$(BIN)/python -m scripts.bench $(ARGS)

bench-seeds: setup ## quick-test with 50 root seeds: at least 49 must graduate, proven or not; half an hour or so
	@PYTHONPATH=. $(BIN)/python scripts/bench_seeds.py $(ARGS)

mutants: setup ## small changes of the code that guards money, which the tests must notice; half an hour at the most
	@$(BIN)/python scripts/mutants.py $(ARGS)

clean: ## forget the virtual environment and everything local
	rm -rf .venv .gaelp
