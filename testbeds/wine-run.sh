#!/usr/bin/env bash
# wine-run.sh DIR PROGRAM [ARGUMENT...] - a Windows program for x86_64, run by wine without a display; DIR keeps the prefix
# (made on first use: 20-30 s, 500 MB). Good as cargo's runner for the target x86_64-pc-windows-gnu.
# Rust's programs import ProcessPrng of bcryptprimitives.dll, which wine before 9 lacks: a stand-in over
# SystemFunction036 is built where it is missing. Needs wine64 and gcc-mingw-w64-x86-64; no root.
# `wine-run.sh DIR --wait` comes back when what stays behind a program (wineserver) has ended.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
mkdir -p "$1"; dir=$(realpath "$1"); shift
export WINEPREFIX=$dir/prefix WINEARCH=win64 WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES='mscoree,mshtml=' DISPLAY=
for wine in /usr/lib/wine/wine64 "$(command -v wine64 || true)" "$(command -v wine || true)"; do
  [ -x "$wine" ] && break
done
[ -x "$wine" ] || { echo "wine-run.sh: no wine here: apt-get install --no-install-recommends wine64" >&2; exit 3; }
if [ "$1" = --wait ]; then
  exec "$(dirname "$wine")/wineserver64" --wait
fi
system=$WINEPREFIX/drive_c/windows/system32
exec 8>"$dir/lock"; flock 8                       # several programs may start at once; one makes the prefix
if [ ! -e "$dir/ready" ]; then
  "$wine" wineboot --init >"$dir/wineboot.log" 2>&1 8>&- || { cat "$dir/wineboot.log" >&2; exit 3; }
  if [ ! -e "$system/bcryptprimitives.dll" ]; then
    cat > "$dir/random.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(void *bytes, ULONG length);
__declspec(dllexport) BOOL WINAPI ProcessPrng(unsigned char *bytes, SIZE_T length) {
  BOOL filled = TRUE;
  for (SIZE_T done = 0; filled && done < length;) {
    ULONG part = length - done > 4096 ? 4096 : (ULONG)(length - done);
    filled = SystemFunction036(bytes + done, part);
    done += part;
  }
  return filled;
}
C
    x86_64-w64-mingw32-gcc -shared -O1 -s -o "$system/bcryptprimitives.dll" "$dir/random.c" -ladvapi32
  fi
  touch "$dir/ready"
fi
exec 8>&-
exec "$wine" "$@"
