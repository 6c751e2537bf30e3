if [ -z "${FETTLE_AGENT_EXE:-}" ]; then
  fail() { echo "patch engine: $1" >&2; exit 1; }
  digest() { if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi 2>/dev/null | cut -d ' ' -f 1; }
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) target=linux-x86_64 ;;
    Linux-aarch64 | Linux-arm64) target=linux-aarch64 ;;
    Darwin-x86_64) target=macos-x86_64 ;;
    Darwin-arm64) target=macos-aarch64 ;;
    *) fail "there is none for $(uname -s) on $(uname -m)" ;;
  esac
  wanted= from=
  set -- @BUILDS@
  while [ $# -ge 3 ]; do
    if [ "$1" = "$target" ]; then wanted=$2 from=$3; fi
    shift 3
  done
  [ -n "$wanted" ] || fail "the server has no build of it for $target. Put one there: aws s3 cp fettle-agent s3://@BUCKET@/VERSION/$target"
  folder=${FETTLE_ENGINE_DIR:-/var/lib/fettle-engine}
  umask 077
  { mkdir -p "$folder" && chmod 700 "$folder"; } || fail "cannot make the folder $folder"
  program=$folder/fettle-agent-$wanted
  if [ ! -f "$program" ] || [ "$(digest "$program")" != "$wanted" ]; then
    part=$(mktemp "$folder/part.XXXXXX") || fail "cannot write to $folder"
    trap 'rm -f "$part"' EXIT
    if command -v curl >/dev/null 2>&1; then
      curl -fsS --connect-timeout 30 --retry 2 ${SSL_CERT_FILE:+--cacert "$SSL_CERT_FILE"} -o "$part" "$from"
    elif command -v wget >/dev/null 2>&1; then
      wget -q -T 60 -t 3 ${SSL_CERT_FILE:+--ca-certificate="$SSL_CERT_FILE"} -O "$part" "$from"
    elif command -v python3 >/dev/null 2>&1; then
      python3 -c 'import shutil,sys,urllib.request as r; shutil.copyfileobj(r.urlopen(sys.argv[1], timeout=60), open(sys.argv[2], "wb"))' "$from" "$part"
    else
      fail "it cannot be fetched: neither curl, wget nor python3 is installed here"
    fi || fail "it could not be fetched from @SERVER@"
    found=$(digest "$part")
    [ "$found" = "$wanted" ] || fail "what @SERVER@ sent has the SHA-256 $found and should have $wanted; nothing was run"
    { chmod 700 "$part" && mv -f "$part" "$program"; } || fail "cannot keep $program"
    find "$folder" -name 'fettle-agent-*' -mtime +1 ! -name "fettle-agent-$wanted" -exec rm -f {} \;
  fi
  FETTLE_AGENT_EXE=$program
  FETTLE_AGENT_SERVER=@SERVER@
  FETTLE_AGENT_DATA=${FETTLE_AGENT_DATA:-$folder/data}
  export FETTLE_AGENT_EXE FETTLE_AGENT_SERVER FETTLE_AGENT_DATA
fi
