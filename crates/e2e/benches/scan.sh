#!/usr/bin/env bash
# scan.sh - what a scan costs next to apt, dnf and zypper, and the resident agent between scans; fails when a floor is missed. Called
# by `make bench-scan`. Arguments are handed to scan.py and scan_rpm.py, for example `--runs 20`.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../../.."
target=${CARGO_TARGET_DIR:-target}
# The program that `make up` builds.
cargo build --quiet --release --locked --bin fettle-agent
cargo build --quiet --profile small --target x86_64-unknown-linux-musl -p agent
missed=0
python3 crates/e2e/benches/scan.py --agent "$target/release/fettle-agent" "$@" || missed=1
echo
python3 crates/e2e/benches/scan_rpm.py --agent "$target/release/fettle-agent" --bed "$target/bench-rpm" "$@" || missed=1
echo
python3 crates/e2e/benches/resident.py --agent "$target/x86_64-unknown-linux-musl/small/fettle-agent" || missed=1
exit $missed
