# Two commands: `make up` and `make test`. The others are pieces of them, and the benchmarks.

SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo
DATA ?= $(CURDIR)/.fettle
LISTEN ?= 127.0.0.1:4510
VENV := $(CURDIR)/.venv

export FUZZ_SECONDS FUZZ_TARGETS SEED SEEDS AGENTS

.PHONY: help up console screenshots test lint unit conformance cross windows random faults fuzz deny bench-scan bench-server bench-fleet bench-console simulate clean-data

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: ## Build, start the server, enrol and scan this machine, print its compliance report
	@scripts/requirements up
	@scripts/console up
	$(CARGO) build --release --locked --bin fettle --bin fettle-agent
	@target/release/fettle up --data '$(DATA)' --listen '$(LISTEN)' $(UP_FLAGS)

console: ## The web console, which the next build of the server takes in
	@scripts/console

screenshots: console ## A picture of every page of the console, in console/screenshots
	@scripts/requirements test
	$(CARGO) build --locked --workspace --bins
	@cd console && npm run --silent screenshots

test: ## Everything that must hold: lints, docs, tests on SQLite and PostgreSQL, stock AWS clients, the console in a browser, cross builds
	@scripts/requirements test
	@scripts/test

lint: ## Formatting, clippy and docs, warnings denied
	@scripts/test lint

unit: ## The Rust tests, on SQLite and PostgreSQL
	@scripts/test rust

conformance: ## The stock boto3 and AWS CLI against a real server
	@scripts/test conformance

cross: ## The static agent for Linux
	@scripts/test cross

windows: ## The agent for Windows: built, and its COM adapter run under wine
	@scripts/test windows

faults: ## 200 crashes of server and agent during scans, on each database
	@scripts/test faults

simulate: ## Servers and AGENTS (50) nodes in one process through SEEDS (200) stories of crashes; SEED=n tells one again
	@scripts/test simulate

random: ## The Rust tests with new made-up input; `make test` draws the same in every run
	@scripts/requirements test
	@scripts/test random

fuzz: ## Feed every parser for FUZZ_SECONDS (60) a target, one target a core; FUZZ_TARGETS names some of them
	@scripts/requirements test
	@scripts/test fuzz

deny: ## Licences and sources of dependencies, where cargo-deny is installed
	@scripts/test deny

bench-scan: ## The scan against apt itself, in the same run
	@scripts/requirements bench
	@crates/e2e/benches/scan.sh

bench-server: ## Ingest and reads at 1,000, 10,000 and 100,000 nodes, against moto in the same run
	@scripts/requirements bench
	@crates/e2e/benches/server.sh

bench-fleet: ## 100, 1,000 and 10,000 agents on their control channels: memory, delivery, cost per node
	@scripts/requirements bench
	@FETTLE_BENCH_PARTS=channels FETTLE_BENCH_ENGINES="$${FETTLE_BENCH_ENGINES:-sqlite}" \
		FETTLE_BENCH_NODES="$${FETTLE_BENCH_NODES:-100 1000 10000}" crates/e2e/benches/server.sh

bench-console: ## The web console over 100,000 nodes: every filter and sort, first paint in a browser, rows asked for against rows shown
	@scripts/requirements bench
	@FETTLE_BENCH_PARTS=console FETTLE_BENCH_ENGINES="$${FETTLE_BENCH_ENGINES:-sqlite}" \
		FETTLE_BENCH_NODES="$${FETTLE_BENCH_NODES:-100000}" crates/e2e/benches/server.sh

clean-data: ## Forget the data of `make up`
	rm -rf -- '$(DATA)'
