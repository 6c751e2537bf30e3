#!/usr/bin/env bash
# zypper-bed.sh DIR - the same for zypper: DIR/root with the first versions installed, the second ones and their patches in
# DIR/repo-updates, tb-locked locked. DIR/zypper and DIR/rpm act on that root: `DIR/zypper list-patches`.
# Needs root; libzypp1722, zypper-common, libaugeas0, createrepo-c, rpm, busybox-static. dnf-plugins-core and zypper
# exclude each other on Debian: where zypper is not installed, its package is unpacked under DIR/tools.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")"); mkdir -p "$1"; dir=$(realpath "$1"); root=$dir/root
[ -e "$dir/.zypper-ready" ] && { echo "ready: $dir/zypper"; exit 0; }
"$here/rpm-local-repo.sh" "$dir"
bin=$(command -v zypper || true)
if [ -z "$bin" ]; then
  mkdir -p "$dir/tools"; (cd "$dir/tools" && apt-get -q download zypper >/dev/null 2>&1 && dpkg-deb -x zypper_*.deb .)
  bin=$dir/tools/usr/bin/zypper
fi
rm -rf "$root"; mkdir -p "$root"/{usr/bin,usr/sbin,etc/zypp/repos.d,etc/zypp/services.d,etc/products.d,var/lib/rpm,var/lib/zypp,var/cache/zypp,var/log,tmp,root}
ln -s usr/bin "$root/bin"; ln -s usr/sbin "$root/sbin"
cp "$(command -v busybox)" "$root/usr/bin/busybox"
for a in sh echo sleep cat true false rm mkdir; do ln -sf busybox "$root/usr/bin/$a"; done
printf 'NAME="Bed SLE"\nID=sles\nID_LIKE=suse\nVERSION_ID="15.5"\nPRETTY_NAME="Bed SLE 15"\n' > "$root/etc/os-release"
# libzypp asks rpm for the database folder at start and falls back to ~/.rpmdb on Debian
mkdir -p "$dir/home"; printf '%%_dbpath /var/lib/rpm\n' > "$dir/home/.rpmmacros"
for r in base updates; do
  printf '[bed-%s]\nname=bed %s\nbaseurl=dir:%s/repo-%s\nenabled=1\nautorefresh=1\ngpgcheck=0\nrepo_gpgcheck=0\npkg_gpgcheck=0\n' $r $r "$dir" $r > "$root/etc/zypp/repos.d/bed-$r.repo"
done
cat > "$dir/zypper" <<S
#!/bin/sh
HOME='$dir/home'; ZYPP_LOCKFILE_ROOT='$root'; ZYPP_LOGFILE='$root/var/log/zypper.log'; export HOME ZYPP_LOCKFILE_ROOT ZYPP_LOGFILE
exec '$bin' --root '$root' --non-interactive --no-gpg-checks "\$@"
S
cat > "$dir/rpm" <<S
#!/bin/sh
HOME='$dir/home'; export HOME
exec rpm --root='$root' --define '_dbpath /var/lib/rpm' "\$@"
S
chmod 755 "$dir/zypper" "$dir/rpm"
"$dir/zypper" refresh > "$dir/install.log" 2>&1 || { tail -20 "$dir/install.log" >&2; exit 1; }
"$dir/zypper" install --no-recommends bed-sh tb-ssl=1.0 tb-fail=1.0 tb-failpre=1.0 tb-bug=1.0 tb-slow=1.0 tb-app kernel=5.10.1 tb-locked=1.0 glibc=2.1 \
  tb-newdep=1.0 tb-hash=1.0 tb-goes=1.0 tb-stays=1.0 >> "$dir/install.log" 2>&1 \
  || { tail -20 "$dir/install.log" >&2; exit 1; }
"$dir/zypper" addlock tb-locked >> "$dir/install.log" 2>&1
touch "$dir/.zypper-ready"; echo "ready: $dir/zypper"
