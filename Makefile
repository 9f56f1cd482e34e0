# The two commands of the README are `make demo` and `make test`. Both work with a second run and
# from a path with a space in it: nothing here uses an absolute path.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := demo

# the README's pictures of the terminal and the manual's of the page, from real runs; the page is
# looked at in the Chromium of this machine, named by CHROMIUM where PATH does not
picture: .venv/.installed-dev .venv-browser/.installed
	$(BIN)/python docs/picture.py
	.venv-browser/bin/python docs/screenshots.py $(or $(CHROMIUM),chromium)

.PHONY: demo test quick pure campaigns cut-off mutants lint types unit docs coverage picture bench lock program test-lowest test-warehouses test-ducklake test-airflow test-browser test-dbt clean

demo: .venv/.installed-demo
	@$(BIN)/python -m databuddy_source demo

# all tests, or some: make test ARGS='-k paging'
test: lint types unit

# while you work: format, lint, types, and what needs no server and no database
quick:
	@$(MAKE) --no-print-directory -j 2 lint types pure

# a fifth of the random examples
PURE := $(addprefix tests/,model config tables coverage warehouse fetch extract answers api house)
pure: .venv/.installed-dev
	EXAMPLES=0.2 $(BIN)/python -m pytest -q -n 2 --dist worksteal -m 'not outside' $(PURE) $(ARGS)

# twenty times the random examples and kills, drawn anew, for hours, each way to fail on each command
# and all the cases of what the suite has a sample of; SEED=... kills at the moments of the run that
# printed it
campaigns: .venv/.installed-dev
	EXAMPLES=20 $(BIN)/python -m pytest -n 2 --dist worksteal $(PURE) tests/stories/test_killed.py tests/stories/test_cut_off.py tests/stories/test_silence.py tests/stories/test_parts.py tests/cli/test_failing.py $(ARGS)
	EXAMPLES=20 $(BIN)/python -m pytest -n 2 --dist worksteal -m sampled $(ARGS)

# 300 loads into DuckDB and 100 into Postgres that are cut off; FACTOR=1: 30 and 10, as in the suite
cut-off: .venv/.installed-dev
	EXAMPLES=$(or $(FACTOR),10) $(BIN)/python -m pytest -s tests/stories/test_cut_off.py $(ARGS)

# changes the code in one place after another, to see whether a test notices; SAMPLE=all for each of
# the places, for a night; ROOMS='fetch model' for some rooms
mutants: .venv-mutants/.installed
	nice .venv-mutants/bin/python tests/mutants/sample.py --sample $(or $(SAMPLE),100) --seed $(or $(SEED),1) $(ROOMS)

lint: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/.installed-dev
	$(BIN)/mypy

unit: .venv/.installed-dev
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

# the manual as a website in build/docs; a broken link is an error
docs: .venv/.installed-dev
	$(BIN)/python docs/generate.py
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

# what docs/performance.md reports: about twenty minutes
bench: .venv/.installed-dev
	$(BIN)/python bench/contenders.py
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/resources.py
	$(BIN)/python bench/memory.py
	$(BIN)/python bench/startup.py

# tracing makes it slow, so it is a command of its own, which .ci/run leaves out: nothing runs twice
# there. Without tests that start programs
coverage: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-fail-under=90 --ignore tests/cli --ignore tests/docs --ignore tests/warehouses --ignore tests/stories/test_killed.py --ignore tests/stories/test_cut_off.py --ignore tests/stories/test_cut_removal.py --ignore tests/stories/test_cut_rebuild.py

# installed from locks that hold versions and hashes, by uv where there is one: seconds
# where pip takes minutes, and by pip where its own mirror is the only one; --no-deps: the locks are complete
FROM_LOCK := --quiet --require-hashes --no-deps -r
by_uv = $(if $(shell command -v uv 2>/dev/null),uv pip install --python $(1)/bin/python $(FROM_LOCK) $(2) ||)
install = $(by_uv) $(1)/bin/python -m pip install --disable-pip-version-check $(FROM_LOCK) $(2)
.venv/.installed-demo: requirements/demo.lock pyproject.toml | .venv
	$(call install,.venv,requirements/demo.lock)
	@touch $@

.venv/.installed-dev: requirements/dev.lock pyproject.toml | .venv
	$(call install,.venv,requirements/dev.lock)
	@touch $@ .venv/.installed-demo

.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

# the locks, for Python 3.11 and newer, Linux and macOS; what they hold stays unless it must change:
# make lock UPGRADE=--upgrade
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
lock: .venv/.installed-dev
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra dashboard -o requirements/demo.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra dashboard --extra postgres --extra budget-redis --group dev --group docs --group orchestrators -o requirements/dev.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra dashboard --extra postgres --extra budget-redis --group dev --group docs --resolution lowest-direct -o requirements/lowest.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra postgres --extra budget-redis --extra bigquery --extra snowflake --group dev --group warehouses --no-annotate -o requirements/warehouses.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra postgres --extra budget-redis --group dev --group ducklake --no-annotate -o requirements/ducklake.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra dashboard --extra postgres --extra budget-redis --group dev --group mutants --constraint requirements/dev.lock --no-annotate -o requirements/mutants.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra dashboard --extra postgres --extra budget-redis --group dev --group browser --constraint requirements/dev.lock --no-annotate -o requirements/browser.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cli --extra demo --extra postgres --extra budget-redis --group dev --group dbt --no-annotate -o requirements/dbt.lock
	$(COMPILE) $(UPGRADE) --group bqemulator --no-annotate -o requirements/bqemulator.lock
	$(COMPILE) $(UPGRADE) --group installer --no-annotate -o requirements/installer.lock

# the wheel from an index of packages: by pip, by uvx and by pipx
program: .venv/.installed-dev
	$(BIN)/python -m pytest tests/program/test_installed.py --program pip,uvx,pipx

# DuckDB, Postgres, and emulators of BigQuery and Snowflake, or WAREHOUSE=bigquery alone; a
# warehouse that does not run here is a failure; EXAMPLES=2 for all that the suite has on one of the
# emulators only
WAREHOUSE ?= all
test-warehouses: .venv-warehouses/.installed .venv-bqemulator/.installed
	.venv-warehouses/bin/python -m pytest -n 3 --dist worksteal tests/warehouses --warehouses $(WAREHOUSE)

# lakes, with DuckDB's extension from its package
test-ducklake: .venv-ducklake/.installed
	.venv-ducklake/bin/python -m pytest -n 3 --dist worksteal tests/warehouses --warehouses ducklake,ducklake_in_postgres

# the DAG in a real Airflow, which the lock for development has
test-airflow: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 tests/airflow --airflow $(ARGS)

# the page of `dashboard` in the Chromium of this machine, named by CHROMIUM where PATH does not
test-browser: .venv-browser/.installed
	.venv-browser/bin/python -m pytest tests/browser --browser $(or $(CHROMIUM),chromium) $(ARGS)

# the dbt project, built by dbt on DuckDB and Postgres, and compiled for BigQuery and Snowflake: by one
# process, which fills each warehouse once; EXAMPLES=2 for each fault alone
test-dbt: .venv-dbt/.installed
	.venv-dbt/bin/python -m pytest tests/dbt --dbt $(ARGS)

.venv-%/.installed: requirements/%.lock
	$(PYTHON) -m venv .venv-$*
	$(call install,.venv-$*,$<)
	@touch $@

# the suite, or some of it, with the oldest dependencies that pyproject.toml allows; without the
# orchestrators, which want newer ones, and SQLAlchemy, which they bring
LOWEST := --ignore tests/airflow --ignore tests/docs/test_examples.py --ignore-glob '*/test_airflow.py' --ignore-glob '*/test_dagster*.py' -k 'not orchestrator and not dagster and not airflow and not sqlite_is_refused'
test-lowest: .venv-lowest/.installed
	.venv-lowest/bin/python -m pytest -n 2 --dist worksteal $(LOWEST) $(ARGS)

clean:
	rm -rf .venv .venv-* .databuddy demo.duckdb
