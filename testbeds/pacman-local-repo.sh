#!/usr/bin/env bash
# pacman-local-repo.sh DIR - three pacman repositories made on the spot, and a root that real pacman manages from outside:
# DIR/root has the first version of each package, DIR/repo/{core,extra} the second ones. DIR/pacman acts on that root:
# `DIR/pacman -Qu`. DIR/repo/core-old is what was installed from. Needs root, pacman-package-manager, zstd, busybox-static.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,4p' "$0" >&2; exit 2; }
mkdir -p "$1"; dir=$(realpath "$1"); root=$dir/root
[ -e "$dir/.pacman-ready" ] && { echo "ready: $dir/pacman"; exit 0; }
rm -rf "$root" "$dir/repo" "$dir/build"; mkdir -p "$dir/repo"/{core-old,core,extra} "$dir/build"

# pkg REPO NAME VERSION [INSTALL-SCRIPT] [KEY=VALUE...]: a package file; `file=` adds a path to it.
pkg() {
  local repo=$1 name=$2 version=$3 script=$4 build=$dir/build/$2 pair; shift 4
  rm -rf "$build"; mkdir -p "$build/usr/share/bed"
  echo "$name $version" > "$build/usr/share/bed/$name"
  {
    printf 'pkgname = %s\npkgbase = %s\npkgver = %s\npkgdesc = test package %s\n' "$name" "$name" "$version" "$name"
    printf 'url = https://example.invalid\nbuilddate = 1735787045\npackager = Test Bed\nsize = 1000\narch = any\nlicense = MIT\n'
    for pair in "$@"; do
      case $pair in file=*) ;; *) printf '%s = %s\n' "${pair%%=*}" "${pair#*=}" ;; esac
    done
  } > "$build/.PKGINFO"
  for pair in "$@"; do
    case $pair in file=*) mkdir -p "$build/$(dirname "${pair#file=}")"; echo "$version" > "$build/${pair#file=}" ;; esac
  done
  [ -z "$script" ] || printf '%s\n' "$script" > "$build/.INSTALL"
  (cd "$build" && find . -mindepth 1 -maxdepth 1 -printf '%P\n' | sort | \
    tar --owner=0 --group=0 --mtime=@1735787045 -cf - -T - | zstd -q -o "$dir/repo/$repo/$name-$version-any.pkg.tar.zst")
  list "$repo" "$name" "$version" "$@"
}

# list REPO NAME VERSION KEY=VALUE...: its entry in the repository's list.
list() {
  local repo=$1 name=$2 version=$3 entry=$dir/build/lists/$1/$2-$3 file=$2-$3-any.pkg.tar.zst pair; shift 3
  mkdir -p "$entry"
  {
    printf '%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%BASE%%\n%s\n\n%%VERSION%%\n%s\n\n%%DESC%%\ntest package\n\n' "$file" "$name" "$name" "$version"
    printf '%%CSIZE%%\n%s\n\n%%ISIZE%%\n1000\n\n' "$(stat -c %s "$dir/repo/$repo/$file")"
    printf '%%SHA256SUM%%\n%s\n\n%%ARCH%%\nany\n\n%%BUILDDATE%%\n1735787045\n\n' "$(sha256sum "$dir/repo/$repo/$file" | cut -d' ' -f1)"
    for pair in "$@"; do
      case $pair in
        group=*) printf '%%GROUPS%%\n' ;; depend=*) printf '%%DEPENDS%%\n' ;; provides=*) printf '%%PROVIDES%%\n' ;;
        conflict=*) printf '%%CONFLICTS%%\n' ;; replaces=*) printf '%%REPLACES%%\n' ;; *) continue ;;
      esac
      printf '%s\n\n' "${pair#*=}"
    done
  } > "$entry/desc"
}

fail=$'post_upgrade() {\n  echo "tb-fail: cannot migrate data" >&2\n  false\n}'
slow=$'post_upgrade() {\n  sleep "${TB_SLOW:-2}"\n}'
for name in tb-ssl tb-fail tb-bug tb-app tb-held tb-newdep tb-hash tb-stays tb-goes tb-slow linux tb-many1 tb-many2 tb-many3; do
  pkg core-old $name 1.0-1 ''
done
pkg core-old tb-epoch 9.0-1 ''
pkg core-old tb-grouped 1.0-1 '' group=bed-group
pkg core-old tb-file 1.0-1 ''
pkg core-old tb-lib 1.0-1 '' 'provides=libtb.so=1-64'
pkg core-old tb-user 1.0-1 '' 'depend=libtb.so=1-64'
pkg core-old tb-old 1.0-1 ''
pkg core tb-ssl 1.1-1 ''; pkg core tb-fail 1.1-1 "$fail"; pkg core tb-bug 1.1-1 ''; pkg core tb-app 1.1-1 '' depend=tb-ssl
pkg core tb-held 1.1-1 ''; pkg core tb-hash 1.1-1 ''; pkg core linux 1.1.arch1-1 ''; pkg core tb-slow 1.1-1 "$slow"
pkg core tb-newdep 1.1-1 '' depend=tb-brandnew        # a new dependency
pkg core tb-stays 1.1-1 '' conflict=tb-goes           # does not go beside tb-goes
pkg core tb-lib 2.0-1 '' 'provides=libtb.so=2-64'     # tb-user needs the old one
for name in tb-many1 tb-many2 tb-many3; do pkg core $name 1.1-1 ''; done
pkg extra tb-brandnew 1.0-1 ''
pkg extra tb-epoch 1:1.0-1 ''
pkg extra tb-grouped 1.1-1 '' group=bed-group
pkg extra tb-file 1.1-1 '' file=etc/tb-file.conf      # a file that somebody put there
pkg extra tb-ssl 9.9-1 ''                             # core comes first
pkg extra tb-new 1.0-1 '' replaces=tb-old
compress() { case $1 in core) gzip -n ;; extra) zstd -q ;; *) cat ;; esac; }     # pacman takes any of them
for repo in core-old core extra; do
  (cd "$dir/build/lists/$repo" && tar --owner=0 --group=0 --mtime=@1735787045 -cf - -- *) | compress $repo > "$dir/repo/$repo/$repo.db"
done
printf damaged > "$dir/repo/core/tb-hash-1.1-1-any.pkg.tar.zst"

mkdir -p "$root"/{usr/bin,usr/sbin,etc/pacman.d,var/lib/pacman,var/cache/pacman/pkg,var/log,tmp,root,usr/lib/modules}
ln -s usr/bin "$root/bin"; ln -s usr/sbin "$root/sbin"
cp "$(command -v busybox)" "$root/usr/bin/busybox"
for name in sh bash echo sleep cat true false rm mkdir; do ln -sf busybox "$root/usr/bin/$name"; done
printf 'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n' > "$root/etc/os-release"
config() {   # config REPO...
  printf '[options]\nArchitecture = x86_64\nIgnorePkg = tb-held\nSigLevel = Never\n'
  for repo in "$@"; do printf '[%s]\nServer = file://%s/repo/%s\n' "$repo" "$dir" "$repo"; done
}
cat > "$dir/pacman" <<S
#!/bin/sh
exec pacman --root '$root' --dbpath '$root/var/lib/pacman' --cachedir '$root/var/cache/pacman/pkg' --logfile '$root/var/log/pacman.log' \
  --hookdir '$root/etc/pacman.d/hooks' --config "\${BED_CONFIG:-$root/etc/pacman.conf}" --noconfirm "\$@"
S
chmod 755 "$dir/pacman"
config core-old > "$dir/old.conf"
installed=$(cd "$dir/repo/core-old" && ls -- *.zst | sed 's/-[^-]*-[^-]*-any.pkg.tar.zst$//')
# shellcheck disable=SC2086 # names without blanks
BED_CONFIG=$dir/old.conf "$dir/pacman" -Sy $installed > "$dir/install.log" 2>&1 || { tail -20 "$dir/install.log" >&2; exit 1; }
rm -f "$root/var/lib/pacman/sync/"*
config core extra > "$root/etc/pacman.conf"
"$dir/pacman" -Sy >> "$dir/install.log" 2>&1 || { tail -20 "$dir/install.log" >&2; exit 1; }
echo own > "$root/etc/tb-file.conf"
rm -rf "$dir/build"; touch "$dir/.pacman-ready"; echo "ready: $dir/pacman"
