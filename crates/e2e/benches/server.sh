#!/usr/bin/env bash
# server.sh: ingest and reads of a durable server at several fleet sizes on both databases, and
# against moto_server on what both answer. Ends with 1 when a floor is missed.
# FETTLE_BENCH_NODES: the sizes (1000 10000 100000). FETTLE_BENCH_ENGINES: sqlite postgres. FETTLE_BENCH_PARTS: peer fleet;
# `channels` besides is a fleet on its control channels (make bench-fleet), `cves` is the index of CVEs over as many distinct fact sets as nodes,
# `console` what the web console asks for and when it is seen (make bench-console). FETTLE_BENCH_DRIVER: a driver that is built already.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
read -ra sizes <<< "${FETTLE_BENCH_NODES:-1000 10000 100000}"
read -ra engines <<< "${FETTLE_BENCH_ENGINES:-sqlite postgres}"
parts=" ${FETTLE_BENCH_PARTS:-peer fleet} "

# What must hold: moto's CPU time per read over ours, and our CPU time per report at the largest
# fleet over that at the smallest.
peer_floor=30
flat_ceiling=1.5
# Of the index of CVEs over fact sets that are all different: memory per node, and CPU per node at the largest fleet over
# that at the smallest.
cves_bytes=1024

# Of a fleet on its control channels: the server's memory for an open one, and CPU per node of a command to all at the
# largest fleet over that at the smallest.
channel_kib=20

# Of the console: any call it makes, at the server; the first contentful paint of home and of the node list.
console_p99_ms=300
console_paint_ms=1000

work=$(mktemp -d)
chmod 755 "$work"
# As a shell of most systems has it: the server raises its own.
ulimit -Sn 1024
server_pid='' peer_pid='' pg_dir='' port=''
missed=()

stop() { # stop PID: asks, waits, insists.
  [ -n "$1" ] || return 0
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 200); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
finish() {
  stop "$server_pid"
  stop "$peer_pid"
  [ -z "$pg_dir" ] || testbeds/pg.sh stop "$pg_dir" || true
  rm -rf -- "$work"
}
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }

build() {
  say "building"
  ! wanted console || scripts/console
  cargo build --release --locked --bin fettle
  driver=${FETTLE_BENCH_DRIVER:-}
  [ -z "$driver" ] || return 0
  driver=$(cargo bench --locked -p e2e --bench server --no-run --message-format=json |
    python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == "server":
        print(message["executable"])' | tail -1)
  [ -x "$driver" ] || { echo "the driver was not built" >&2; exit 1; }
}

make_node_key() {
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/node.pem" 2>/dev/null
  openssl pkcs8 -topk8 -nocrypt -in "$work/node.pem" -outform DER -out "$work/node.key"
  openssl pkey -in "$work/node.pem" -pubout -outform DER -out "$work/node.pub"
  export BENCH_NODE_KEY=$work/node.key BENCH_NODE_PUBLIC_KEY=$work/node.pub
}

answers() { # answers PATH: whether 127.0.0.1:$port says 200, without starting a program.
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n' "$1" >&3
  read -r line <&3 || line=''
  exec 3>&-
  [[ $line == *" 200 "* ]]
}

wait_for() { # wait_for PID PATH LOG
  local deadline=$((SECONDS + 120))
  until answers "$2" 2>/dev/null; do
    kill -0 "$1" 2>/dev/null || { echo "it did not start:" >&2; tail -5 "$3" >&2; return 1; }
    [ $SECONDS -lt $deadline ] || { echo "it did not answer in time" >&2; return 1; }
  done
}

start_server() { # start_server DATA [ARGUMENT...]: sets server_pid, port and started_ms.
  local data=$1 begun
  shift
  # A port that was drawn may be in use, if only by one of the driver's own old connections.
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 10000))
    begun=${EPOCHREALTIME/./}
    FETTLE_LOG=warn "$root/target/release/fettle" server --data "$data" --listen "127.0.0.1:$port" "$@" \
      > "$work/server.log" 2>&1 &
    server_pid=$!
    if wait_for "$server_pid" /healthz "$work/server.log"; then
      started_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
      return 0
    fi
    grep -q 'Address already in use' "$work/server.log" || return 1
  done
  return 1
}

fresh_database() { # fresh_database ENGINE NAME: sets data, arguments and database_pid.
  data=$work/$2
  arguments=()
  unset BENCH_DATABASE_PID
  if [ "$1" = postgres ]; then
    pg_dir=$work/$2-pg
    local url
    url=$(FETTLE_PG_DURABLE=1 testbeds/pg.sh start "$pg_dir")
    arguments=(--database-url "$url")
    database_url=$url
    BENCH_DATABASE_PID=$(head -1 "$pg_dir/data/postmaster.pid")
    export BENCH_DATABASE_PID
  fi
}

drop_database() {
  stop "$server_pid"
  server_pid=''
  if [ -n "$pg_dir" ]; then
    testbeds/pg.sh stop "$pg_dir"
    rm -rf -- "$pg_dir"
    pg_dir=''
  fi
  rm -rf -- "$data"
}

use_root_key() {
  eval "$(target/release/fettle credentials --data "$data" "${arguments[@]}")"
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

disk_bytes() {
  if [ -n "$pg_dir" ]; then
    psql "$database_url" -Atc "select pg_database_size(current_database())"
  else
    du -sb "$data" | cut -f1
  fi
}

fleet() { # fleet ENGINE COUNT
  say "$1, $2 nodes"
  fresh_database "$1" "$1-$2"
  start_server "$data" "${arguments[@]}"
  use_root_key
  BENCH_RESULTS=$work/$1-$2.tsv "$driver" fleet "127.0.0.1:$port" "$server_pid" "$2"
  stop "$server_pid"
  local bytes
  bytes=$(disk_bytes)
  start_server "$data" "${arguments[@]}"
  printf '%-50s %s\n' disk "$((bytes / 1024)) KiB, $((bytes / $2)) bytes per node (two reports each)" \
    start-up "$started_ms ms until /healthz answers"
  drop_database
}

cves() { # cves ENGINE COUNT KINDS: nodes of KINDS distinct fact sets
  say "$1, CVEs of $2 nodes with $3 distinct fact sets"
  fresh_database "$1" "$1-cves"
  local url=sqlite:$data/fettle.db
  [ -z "$pg_dir" ] || url=$database_url
  start_server "$data" "${arguments[@]}"
  use_root_key
  stop "$server_pid"
  "$driver" fill "$url" "$2" "$3"
  start_server "$data" "${arguments[@]}"
  BENCH_RESULTS=$work/$1-cves-$2-$3.tsv "$driver" cves "127.0.0.1:$port" "$server_pid" "$2" "$url" "$3"
  drop_database
}

console() { # console ENGINE COUNT
  say "$1, the console's calls over $2 nodes"
  fresh_database "$1" "$1-console"
  local url=sqlite:$data/fettle.db
  [ -z "$pg_dir" ] || url=$database_url
  start_server "$data" "${arguments[@]}"
  use_root_key
  stop "$server_pid"
  "$driver" populate "$url" "$2"
  start_server "$data" "${arguments[@]}"
  BENCH_RESULTS=$work/$1-console-$2.tsv "$driver" console "127.0.0.1:$port" "$server_pid" "$2"
  say "$1, the console in a browser"
  local link
  link=$(target/release/fettle sign-in-link --data "$data" --endpoint "http://127.0.0.1:$port" | grep -o 'http[^ ]*' | head -1)
  node crates/e2e/benches/console.mjs "$link" "$work/$1-pages-$2.tsv"
  drop_database
}

channels() { # channels ENGINE COUNT
  say "$1, $2 nodes on their control channels"
  fresh_database "$1" "$1-channels"
  start_server "$data" "${arguments[@]}"
  use_root_key
  # The driver holds as many connections as the server.
  (
    ulimit -Sn "$(ulimit -Hn)"
    BENCH_RESULTS=$work/$1-channels-$2.tsv "$driver" channels "127.0.0.1:$port" "$server_pid" "$2"
  )
  drop_database
}

peer() { # peer ENGINE: our side of the comparison.
  say "$1, the reads that moto answers too"
  fresh_database "$1" "$1-peer"
  start_server "$data" "${arguments[@]}"
  use_root_key
  BENCH_RESULTS=$work/$1-peer.tsv "$driver" peer "127.0.0.1:$port" "$server_pid" 0
  drop_database
}

moto() {
  say "moto_server, the same reads"
  port=$((20000 + RANDOM % 10000))
  .venv/bin/moto_server -H 127.0.0.1 -p "$port" > "$work/moto.log" 2>&1 &
  peer_pid=$!
  wait_for "$peer_pid" /moto-api/ "$work/moto.log"
  AWS_ACCESS_KEY_ID=bench AWS_SECRET_ACCESS_KEY=bench BENCH_RESULTS=$work/moto.tsv \
    "$driver" peer "127.0.0.1:$port" "$peer_pid" 0
  stop "$peer_pid"
  peer_pid=''
}

# ratio TOP BOTTOM NAME...: columns 6 and 7 (server and database CPU) of a line of two result files.
ratio() {
  awk -F '\t' -v name="$3" 'FNR == 1 { file++ } $1 == name { cpu[file] = $6 + $7 }
    END { printf "%.2f\n", (cpu[2] > 0 ? cpu[1] / cpu[2] : 0) }' "$1" "$2"
}
holds() { awk -v left="$1" -v right="$3" "BEGIN { exit !(left $2 right) }"; }

judge_peer() { # judge_peer ENGINE
  say "CPU per read, moto over fettle on $1 (at least $peer_floor)"
  local name of
  while IFS=$'\t' read -r name _; do
    of=$(ratio "$work/moto.tsv" "$work/$1-peer.tsv" "$name")
    printf '%-50s %s\n' "$name" "${of}x"
    # With PostgreSQL its own processes are counted too, against a peer that keeps nothing.
    holds "$of" '>=' "$peer_floor" || missed+=("$name: ${of}x of moto, floor ${peer_floor}x")
  done < "$work/moto.tsv"
}

judge_flat() { # judge_flat ENGINE
  local small=${sizes[0]} large=${sizes[-1]} name of
  [ "$small" != "$large" ] || return 0
  say "CPU per report on $1, $large nodes over $small (at most $flat_ceiling)"
  for name in "full scan reports" "unchanged scan reports"; do
    of=$(ratio "$work/$1-$large.tsv" "$work/$1-$small.tsv" "$name")
    printf '%-50s %s\n' "$name" "$of"
    holds "$of" '<=' "$flat_ceiling" || missed+=("$name on $1: $of times the cost at $large nodes, ceiling $flat_ceiling")
  done
}

judge_channels() { # judge_channels ENGINE
  local small=${sizes[0]} large=${sizes[-1]} kib name of
  kib=$(awk -F '\t' '$1 == "memory per idle connection" { split($2, part, " "); print part[1] }' "$work/$1-channels-$large.tsv")
  holds "$kib" '<=' "$channel_kib" || missed+=("memory per idle connection on $1: $kib KiB, ceiling $channel_kib")
  [ "$small" != "$large" ] || return 0
  say "CPU per node on $1, $large connected nodes over $small (at most $flat_ceiling)"
  for name in "connections" "a command to all, each node"; do
    of=$(ratio "$work/$1-channels-$large.tsv" "$work/$1-channels-$small.tsv" "$name")
    printf '%-50s %s\n' "$name" "$of"
    holds "$of" '<=' "$flat_ceiling" || missed+=("$name on $1: $of times the cost at $large nodes, ceiling $flat_ceiling")
  done
}

judge_cves() { # judge_cves ENGINE
  local small=${sizes[0]} large=${sizes[-1]} name="index of CVEs, made" of bytes
  bytes=$(awk -F '\t' '$1 == "index of CVEs, memory" { split($2, part, " "); print part[3] }' "$work/$1-cves-$large-$large.tsv")
  holds "$bytes" '<=' "$cves_bytes" || missed+=("index of CVEs on $1: $bytes bytes per node, ceiling $cves_bytes")
  [ "$small" != "$large" ] || return 0
  say "CPU per node of the index on $1, $large nodes over $small (at most $flat_ceiling)"
  of=$(ratio "$work/$1-cves-$large-$large.tsv" "$work/$1-cves-$small-$small.tsv" "$name")
  printf '%-50s %s\n' "$name" "$of"
  holds "$of" '<=' "$flat_ceiling" || missed+=("$name on $1: $of times the cost at $large nodes, ceiling $flat_ceiling")
}

judge_console() { # judge_console ENGINE COUNT
  local name p99 kind first second
  while IFS=$'\t' read -r name _ _ _ p99 _; do
    [ -n "$p99" ] || continue
    holds "$p99" '<=' "$console_p99_ms" || missed+=("$name on $1: p99 $p99 ms, ceiling $console_p99_ms ms")
  done < "$work/$1-console-$2.tsv"
  while IFS=$'\t' read -r kind name first second; do
    if [ "$kind" = paint ]; then
      printf '%-50s %s\n' "$name" "first contentful paint $first ms, the fleet's number seen after $second ms"
      holds "$first" '<=' "$console_paint_ms" || missed+=("$name: painted after $first ms, ceiling $console_paint_ms ms")
    else
      printf '%-50s %s\n' "$name" "$first rows answered, $second shown"
      holds "$first" '<=' "$second" || missed+=("$name: $first rows answered, $second shown")
    fi
  done < "$work/$1-pages-$2.tsv"
}

wanted() { [[ $parts == *" $1 "* ]]; } # wanted PART

build
make_node_key
if wanted peer; then
  moto
  for engine in "${engines[@]}"; do
    peer "$engine"
    judge_peer "$engine"
  done
fi
for engine in "${engines[@]}"; do
  if wanted fleet; then
    for size in "${sizes[@]}"; do
      fleet "$engine" "$size"
    done
    judge_flat "$engine"
  fi
  if wanted console; then
    console "$engine" "${sizes[-1]}"
    judge_console "$engine" "${sizes[-1]}"
  fi
  if wanted channels; then
    for size in "${sizes[@]}"; do
      channels "$engine" "$size"
    done
    judge_channels "$engine"
  fi
  if wanted cves; then
    for size in "${sizes[@]}"; do
      [ "$size" -le 200 ] || cves "$engine" "$size" 200
      cves "$engine" "$size" "$size"
    done
    judge_cves "$engine"
  fi
done

if [ ${#missed[@]} -gt 0 ]; then
  say "missed"
  printf '%s\n' "${missed[@]}"
  exit 1
fi
say "all floors hold"
