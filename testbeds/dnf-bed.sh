#!/usr/bin/env bash
# dnf-bed.sh DIR - DIR/root, which a real dnf manages from outside: the first version of every package is
# installed, the second one and its advisories wait in DIR/repo-updates. DIR/dnf and DIR/rpm act on that root:
# `DIR/dnf updateinfo list`, `DIR/dnf upgrade --advisory=ID`, `DIR/rpm -qa`. dnf's cache is DIR/root/var/cache/dnf.
# BED_SCENARIO: see rpm-local-repo.sh; with rhel, stream 1 of the module is enabled and its package installed; with al2023 the
# root is locked to the release 2023.1.20250101, which has the first versions, `latest` has the second ones, and dnf has metadata of both.
# Needs root, because rpm changes into the root for scriptlets; dnf, dnf-plugins-core, createrepo-c, rpm, busybox-static.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,7p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")"); mkdir -p "$1"; dir=$(realpath "$1"); root=$dir/root
[ -e "$dir/.dnf-ready" ] && { echo "ready: $dir/dnf"; exit 0; }
"$here/rpm-local-repo.sh" "$dir"
release=9 platform=el9 lock=2023.1.20250101
[ "${BED_SCENARIO:-}" != al2023 ] || release=$lock platform=al2023
rm -rf "$root"; mkdir -p "$root"/{usr/bin,usr/sbin,etc/dnf/vars,etc/dnf/plugins,etc/dnf/modules.d,etc/yum.repos.d,var/lib/rpm,var/cache,var/log,tmp}
ln -s usr/bin "$root/bin"; ln -s usr/sbin "$root/sbin"
cp "$(command -v busybox)" "$root/usr/bin/busybox"      # /bin/sh for the scriptlets, 2 MB
for a in sh echo sleep cat true false rm mkdir; do ln -sf busybox "$root/usr/bin/$a"; done
printf 'NAME="Bed Linux"\nID=rhel\nID_LIKE="rhel fedora"\nVERSION_ID="9"\nPLATFORM_ID="platform:el9"\nPRETTY_NAME="Bed Linux 9"\n' > "$root/etc/os-release"
cat > "$root/etc/dnf/dnf.conf" <<S
[main]
gpgcheck=0
installonly_limit=3
keepcache=0
plugins=0
exclude=
S
if [ "$release" = "$lock" ]; then
  printf 'NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\nVERSION="2023"\nVERSION_ID="2023"\nPLATFORM_ID="platform:al2023"\nPRETTY_NAME="Bed Linux like Amazon Linux 2023"\n' > "$root/etc/os-release"
  echo "$lock" > "$root/etc/dnf/vars/releasever"
  ln -sfn repo-base "$dir/release-$lock"; ln -sfn repo-updates "$dir/release-latest"
  printf '[amazonlinux]\nname=bed\nbaseurl=file://%s/release-$releasever\nenabled=1\ngpgcheck=0\nmetadata_expire=0\n' "$dir" > "$root/etc/yum.repos.d/amazonlinux.repo"
else
  for r in base updates; do
    printf '[bed-%s]\nname=bed %s\nbaseurl=file://%s/repo-%s\nenabled=1\ngpgcheck=0\nmetadata_expire=0\n' $r $r "$dir" $r
  done > "$root/etc/yum.repos.d/bed.repo"
fi
# Debian's rpm keeps its database in ~/.rpmdb; HOME and _dbpath bring it to var/lib/rpm of the root
mkdir -p "$dir/home"; printf '%%_dbpath /var/lib/rpm\n%%_pkgverify_level none\n' > "$dir/home/.rpmmacros"
cat > "$dir/dnf" <<S
#!/bin/sh
HOME='$dir/home'; export HOME
exec dnf -y --disableplugin=local --installroot='$root' -c '$root/etc/dnf/dnf.conf' --releasever=$release --setopt=reposdir='$root/etc/yum.repos.d' \\
  --setopt=varsdir='$root/etc/dnf/vars' --setopt=pluginconfpath='$root/etc/dnf/plugins' --setopt=cachedir='$root/var/cache/dnf' --setopt=logdir='$root/var/log' --setopt=persistdir='$root/var/lib/dnf' \\
  --setopt=module_platform_id=platform:$platform "\$@"
S
cat > "$dir/rpm" <<S
#!/bin/sh
HOME='$dir/home'; export HOME
exec rpm --root='$root' --define '_dbpath /var/lib/rpm' "\$@"
S
chmod 755 "$dir/dnf" "$dir/rpm"
extra= newest=
if [ "${BED_SCENARIO:-}" = rhel ]; then
  printf '[tbmod]\nname=tbmod\nstream=1\nprofiles=\nstate=enabled\n' > "$root/etc/dnf/modules.d/tbmod.module"
  extra=tb-mod-1.0
fi
[ "$release" != "$lock" ] || { extra=system-release-$lock; newest=yes; }
"$dir/dnf" -q install bed-sh tb-ssl-1.0 tb-fail-1.0 tb-failpre-1.0 tb-bug-1.0 tb-slow-1.0 tb-app-1.0 kernel-5.10.1 tb-locked-1.0 glibc-2.1 \
  tb-newdep-1.0 tb-hash-1.0 tb-goes-1.0 tb-stays-1.0 $extra > "$dir/install.log" 2>&1 \
  || { tail -20 "$dir/install.log" >&2; exit 1; }
[ -z "$newest" ] || "$dir/dnf" -q --releasever=latest makecache >> "$dir/install.log" 2>&1 || { tail -20 "$dir/install.log" >&2; exit 1; }
touch "$dir/.dnf-ready"; echo "ready: $dir/dnf"
