#!/usr/bin/env bash
# scan.sh - what a scan costs next to apt, in one run; fails when a floor is missed. Called by `make bench-scan`.
# Arguments are handed to scan.py, for example `--runs 20`.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../../.."
cargo build --quiet --release -p agent
exec python3 crates/e2e/benches/scan.py --agent "${CARGO_TARGET_DIR:-target}/release/fettle-agent" "$@"
