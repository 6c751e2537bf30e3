#!/usr/bin/env bash
# pg.sh start|stop DIR: a throw-away PostgreSQL in DIR, on a random loopback port, never as root.
# `start` prints its URL and may be called again. FETTLE_PG_DURABLE=1 keeps fsync on (benchmarks).
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,3p' "$0" >&2; exit 2; }
verb=$1
mkdir -p "$2"
dir=$(realpath "$2")
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "PostgreSQL's server programs are missing (Debian: postgresql)" >&2; exit 1; }

as=()
if [ "$(id -u)" = 0 ]; then
  # initdb refuses root, and wants an account with a passwd entry.
  chown postgres "$dir"
  as=(setpriv --reuid postgres --regid postgres --clear-groups env "HOME=$dir")
fi
run() { (cd "$dir" && "${as[@]}" "$@"); }
running() { run "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }

start() {
  if [ ! -s "$dir/data/PG_VERSION" ]; then
    printf fettle > "$dir/password"
    chmod 644 "$dir/password"
    run "$bin/initdb" -D "$dir/data" -U fettle --pwfile="$dir/password" --auth=scram-sha-256 \
      --no-sync -E UTF8 --locale=C.UTF-8 > "$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    {
      echo "listen_addresses = '127.0.0.1'"
      echo "unix_socket_directories = ''"
      echo "max_connections = 300"
      if [ -z "${FETTLE_PG_DURABLE:-}" ]; then
        echo "fsync = off"
        echo "synchronous_commit = off"
        echo "full_page_writes = off"
      fi
    } >> "$dir/data/postgresql.conf"
  fi
  # A free port is only known to have been free a moment ago: try a few.
  local port
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    if run "$bin/pg_ctl" -D "$dir/data" -o "-p $port" -l "$dir/data/server.log" -w -t 60 start >/dev/null 2>&1; then
      echo "$port" > "$dir/port"
      break
    fi
  done
  running || { tail -5 "$dir/data/server.log" >&2; exit 1; }
  PGPASSWORD=fettle "$bin/createdb" -h 127.0.0.1 -p "$port" -U fettle fettle 2>/dev/null || true
}

case $verb in
  start)
    running || start
    echo "postgres://fettle:fettle@127.0.0.1:$(cat "$dir/port")/fettle"
    ;;
  stop) if running; then run "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null; fi ;;
  *) sed -n '2,3p' "$0" >&2; exit 2 ;;
esac
