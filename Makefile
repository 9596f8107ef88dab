# The habits of this repository; `make` lists them. Each is one command that can be typed by itself.

.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## the server on its embedded default, with the starter pack
	cargo run --release -p mission-server -- --dev

test: ## all tests; services that are not there are left out, loudly
	cargo test --workspace

lint: ## format and clippy, as CI has them
	.ci/run format lint

fix: ## format, and what clippy can mend by itself
	cargo fmt --all
	cargo clippy --workspace --all-targets --all-features --fix --allow-dirty --allow-staged

snapshots: ## take what snapshot tests see now as right; look at the diff afterwards
	INSTA_UPDATE=always cargo test --workspace

ci: ## everything that must hold, from a clean clone
	.ci/run

services: ## PostgreSQL, Redis and RabbitMQ in containers on their standard ports, for tests
	docker run --detach --rm --name mission-postgres -p 127.0.0.1:5432:5432 -e POSTGRES_HOST_AUTH_METHOD=trust docker.io/library/postgres:17
	docker run --detach --rm --name mission-redis -p 127.0.0.1:6379:6379 docker.io/library/redis:7
	docker run --detach --rm --name mission-rabbitmq -p 127.0.0.1:5672:5672 docker.io/library/rabbitmq:4

simulate: ## whole deployments under faults, 10,000 seeds
	cargo run --release -p mission-core --features testing --example simulate -- --seeds 10000

fuzz: ## every fuzz target for 20 s
	.ci/run fuzz

bench: ## decisions (criterion), then the server under load beside the usual designs
	cargo bench -p mission-benches --bench decide
	cargo build --release -p mission-server -p mission-cli -p mission-benches
	target/release/load

chaos: ## servers and services are broken while they are used; nothing may be lost
	cargo build --workspace --bins
	target/debug/chaos --seconds 60
	target/debug/chaos --database sqlite --seconds 60

.PHONY: help run test lint fix snapshots ci services simulate fuzz bench chaos
