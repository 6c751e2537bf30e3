#!/usr/bin/env bash
# rpm-local-repo.sh DIR - two rpm repositories made on the spot, for dnf-bed.sh and zypper-bed.sh:
# DIR/repo-base has the first version of each package, DIR/repo-updates the second, with advisories.
# No network, no root rights; rpm (with rpmbuild) and createrepo-c.
# BED_SCENARIO=rhel adds a module with two streams and advisories for packages that others need; BED_SCENARIO=suse the latter,
# and types advisories as SUSE does; BED_SCENARIO=al2023 the latter, a package of the release, and severities as Amazon Linux has them.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,6p' "$0" >&2; exit 2; }
mkdir -p "$1"; dir=$(realpath "$1"); scenario=${BED_SCENARIO:-}
bugfix=bugfix enhancement=enhancement moderate=Moderate
[ "$scenario" != al2023 ] || moderate=medium
[ "$scenario" != suse ] || bugfix=recommended enhancement=feature
[ -e "$dir/.repo-ready" ] && exit 0
rm -rf "$dir/build" "$dir/repo-base" "$dir/repo-updates"; mkdir -p "$dir"/build/{base,updates} "$dir"/repo-{base,updates}

# spec NAME VERSION EXTRA-HEADER SCRIPTLETS (the version is in the file's name: two kernels must not conflict)
spec() {
  cat > "$dir/build/$repo/$1-$2.spec" <<S
Name: $1
Version: $2
Release: 1.bed
Summary: test package $1
License: MIT
${3:-}
%description
test package $1
%install
mkdir -p %{buildroot}/usr/share/bed
echo $1 $2 > %{buildroot}/usr/share/bed/$1-$2
${4:-}
%files
/usr/share/bed/$1-$2
%changelog
* Thu Jan 02 2025 Test Bed <bed@example.invalid> - $2-1.bed
- fix CVE-2024-11111
S
}
# All packages of a repository at once, and without the looks at compiled files, of which there are none.
build() {
  rpmbuild -bb --quiet --define "_topdir $dir/build" --define "_dbpath $dir/build/db" --define "_rpmdir $dir/build/out" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define '_binary_payload w0.gzdio' \
    --define 'use_source_date_epoch_as_buildtime 1' --define '__os_install_post %{nil}' "$dir/build/$1/"*.spec \
    >/dev/null 2>"$dir/build/err" || { cat "$dir/build/err" >&2; exit 1; }
  mv "$dir/build/out/"*.rpm "$dir/repo-$1/"
}
noarch='BuildArch: noarch'
fail=$'%post -p /bin/sh\necho "tb-fail: cannot migrate data" >&2\nexit 1'
slow=$'%post -p /bin/sh\nsleep ${TB_SLOW:-20}\nmkdir -p /var/lib/bed\necho done > /var/lib/bed/tb-slow-1.1'   # says when it came to its end
failpre=$'%pre -p /bin/sh\necho "tb-failpre: refused" >&2\nexit 1'
repo=base
spec bed-sh 1.0 "$noarch"$'\nProvides: /bin/sh'      # a scriptlet makes a package require /bin/sh
spec tb-ssl 1.0 "$noarch"; spec tb-fail 1.0 "$noarch"; spec tb-failpre 1.0 "$noarch"; spec tb-bug 1.0 "$noarch"
spec tb-slow 1.0 "$noarch"; spec tb-app 1.0 "$noarch"$'\nRequires: tb-ssl'; spec kernel 5.10.1 "$noarch"$'\nProvides: installonlypkg(kernel)'
spec tb-locked 1.0 "$noarch"; spec glibc 2.1 "$noarch"; spec tb-newdep 1.0 "$noarch"; spec tb-hash 1.0 "$noarch"
spec tb-goes 1.0 "$noarch"; spec tb-stays 1.0 "$noarch"
repo=updates
spec tb-ssl 1.1 "$noarch"; spec tb-fail 1.1 "$noarch" "$fail"; spec tb-failpre 1.1 "$noarch" "$failpre"; spec tb-bug 1.1 "$noarch"
spec tb-slow 1.1 "$noarch" "$slow"; spec kernel 5.10.2 "$noarch"$'\nProvides: installonlypkg(kernel)'
spec tb-locked 1.1 "$noarch"; spec glibc 2.2 "$noarch"
spec tb-newdep 1.1 "$noarch"$'\nRequires: tb-brandnew'; spec tb-brandnew 1.0 "$noarch"   # a new dependency
spec tb-hash 1.1 "$noarch"                                                           # damaged below: download fails
spec tb-stays 1.1 "$noarch"$'\nConflicts: tb-goes'                                   # does not go beside tb-goes

if [ "$scenario" = al2023 ]; then
  repo=base; spec system-release 2023.1.20250101 "$noarch"; repo=updates; spec system-release 2023.2.20250601 "$noarch"
fi
if [ "$scenario" = rhel ]; then
  # The release says the stream; a higher version in the other stream must not tempt anybody.
  repo=base; spec tb-mod 1.0 "$noarch"; repo=updates; spec tb-mod 1.1 "$noarch"; spec tb-mod 2.0 "$noarch"
  stream() { # NAME VERSION...
    local name=$1 v; shift
    printf -- '---\ndocument: modulemd\nversion: 2\ndata:\n  name: tbmod\n  stream: "%s"\n  version: 1\n  context: c0\n  arch: %s\n' "$name" "$(uname -m)"
    printf '  summary: s\n  description: >-\n    d\n  license:\n    module:\n    - MIT\n  dependencies:\n  - requires:\n      platform: [el9]\n  artifacts:\n    rpms:\n'
    for v in "$@"; do echo "    - tb-mod-0:$v-1.bed.noarch"; done; echo '...'
  }
  { stream 1 1.0 1.1; stream 2 2.0; } > "$dir/modules.yaml"
fi
build base; build updates

# adv ID TYPE SEVERITY REBOOT TITLE CVES PKG VERSION...
adv() {
  local id=$1 type=$2 sev=$3 reboot=$4 title=$5 cves=$6 c n v; shift 6
  echo "<update from='bed@example.invalid' status='final' type='$type' version='1'><id>$id</id><title>$title</title>"
  echo "<issued date='2025-01-02 03:04:05'/><updated date='2025-01-03 00:00:00'/><rights>none</rights><severity>$sev</severity>"
  echo "<release>Bed 9</release><pushcount>1</pushcount><summary>$title</summary><description>$title</description><references>"
  for c in $cves; do echo "<reference href='https://example.invalid/$c' id='$c' type='cve' title='$c'/>"; done
  echo "</references><pkglist><collection short='bed9'><name>bed9</name>"
  while [ $# -gt 0 ]; do n=$1 v=$2; shift 2
    echo "<package name='$n' version='$v' release='1.bed' epoch='0' arch='noarch' src='$n-$v-1.bed.src.rpm'><filename>$n-$v-1.bed.noarch.rpm</filename>"
    [ "$reboot" = yes ] && echo "<reboot_suggested>True</reboot_suggested>"   # zypper: interactive, reboot needed
    echo "</package>"; done
  echo "</collection></pkglist></update>"
}
{ echo '<?xml version="1.0" encoding="UTF-8"?><updates>'
  adv BED-SA-2025:0001 security Critical no  'tb-ssl security update' 'CVE-2024-11111 CVE-2024-11112' tb-ssl 1.1
  adv BED-SA-2025:0002 security Important yes 'kernel security update' 'CVE-2024-22222' kernel 5.10.2
  adv BED-SA-2025:0003 security $moderate no  'tb-fail security update' 'CVE-2024-33333' tb-fail 1.1
  adv BED-SA-2025:0004 security Low no       'tb-locked security update' 'CVE-2024-44444' tb-locked 1.1
  adv BED-SA-2025:0005 security $moderate no  'tb-failpre security update' 'CVE-2024-55555' tb-failpre 1.1
  adv BED-BA-2025:0006 $bugfix None no        'tb-bug bug fix update' '' tb-bug 1.1 tb-slow 1.1
  adv BED-EA-2025:0007 $enhancement None yes  'glibc enhancement update' '' glibc 2.2
  if [ -n "$scenario" ]; then
    adv BED-SA-2025:0008 security Important no 'tb-newdep security update' 'CVE-2024-66666' tb-newdep 1.1
    adv BED-SA-2025:0009 security Low no 'tb-brandnew security update' 'CVE-2024-77777' tb-brandnew 1.0
    adv BED-SA-2025:0010 security Critical no 'tb-hash security update' 'CVE-2024-88888' tb-hash 1.1
  fi
  if [ "$scenario" = rhel ]; then
    adv BED-SA-2025:0011 security Important no 'tb-mod:1 security update' '' tb-mod 1.1
    adv BED-SA-2025:0012 security Important no 'tb-mod:2 security update' '' tb-mod 2.0
  fi
  echo '</updates>'; } > "$dir/updateinfo.xml"
for r in base updates; do createrepo_c -q "$dir/repo-$r"; done
if [ "$scenario" = rhel ]; then
  sed -i -e '/<title>tb-mod:1/,/<\/update>/ s|<name>bed9</name>|&<module name="tbmod" stream="1" version="1" context="c0" arch="'"$(uname -m)"'"/>|' \
    -e '/<title>tb-mod:2/,/<\/update>/ s|<name>bed9</name>|&<module name="tbmod" stream="2" version="1" context="c0" arch="'"$(uname -m)"'"/>|' "$dir/updateinfo.xml"
  for r in base updates; do modifyrepo_c --mdtype=modules "$dir/modules.yaml" "$dir/repo-$r/repodata" >/dev/null; done
fi
modifyrepo_c --mdtype=updateinfo "$dir/updateinfo.xml" "$dir/repo-updates/repodata" >/dev/null
printf damaged > "$dir/repo-updates/tb-hash-1.1-1.bed.noarch.rpm"
rm -rf "$dir/build"; touch "$dir/.repo-ready"
