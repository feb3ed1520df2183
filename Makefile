# Targets for people: `make test` and `make lint`; everything they need they install.
PY := .venv/bin/python
SHELL := /bin/bash

.PHONY: help setup system demo test bench chaos fuzz lint types contracts check clean lock
help:
	@echo "make demo      the county in a box: real processes, simulated equipment"
	@echo "make test      install what is missing, then run all tests"
	@echo "make bench     every figure of docs/BENCH.md, about five minutes"
	@echo "make chaos     2000 simulated shifts, 2000 kills and more with three brokers; about two hours"
	@echo "make fuzz      a million damaged datagrams, two minutes"
	@echo "make lint      ruff, format check"
	@echo "make types     mypy --strict"
	@echo "make contracts import contracts"
	@echo "make check     lint, types and contracts"

system:
	@tests/system-packages

.venv/.done: locks/all.txt pyproject.toml
	@tests/make-venv

setup: .venv/.done

# Arguments for the command: make demo ARGS="--once --story blackout"
demo: setup
	@.venv/bin/wanglou demo $(ARGS)

test: system setup
	@$(PY) -m pytest

# Every figure of docs/BENCH.md: make bench ARGS="--quick" (or --json, --only snmp,icmp, --write)
bench: system setup
	@$(PY) -m bench $(ARGS)

# Every state of the decision function and registers of fifty systems (five minutes); seeds of the
# simulated county and its planted mutants, about an hour: make chaos SIM="--seeds 100";
# then processes killed at random for about another: make chaos ARGS="--kills 100 --broker nats"
chaos: system setup
	@tests/system-packages rabbitmq-server nats-server
	@$(PY) -m tests.collector.exhaust
	@$(PY) -m tests.collector.exhaust --registers
	@$(PY) -m tests.collector.test_counties 10000
	@$(PY) -m tests.collector.test_inhibit 1000
	@$(PY) -m tests.sim.power 1000
	@$(PY) -m tests.sim.chaos $(SIM)
	@$(PY) -m tests.chaos $(ARGS)

# A million damaged datagrams for all that reads octets: make fuzz ARGS="--count 10000000 --seed 7"
fuzz: setup
	@$(PY) -m tests.agent.fuzz $(ARGS)

lint: setup
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: setup
	@.venv/bin/mypy

contracts: setup
	@.venv/bin/lint-imports

check: lint types contracts

clean:
	rm -rf .venv var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Renew the locks (needs `uv`; the only step that resolves versions).
lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra collector --extra office --extra embedded --extra tui --extra test \
		pyproject.toml -o locks/all.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml -o locks/agent.txt
