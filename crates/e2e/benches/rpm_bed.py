"""The made-up world of `rpm_world` on a disk: repositories in gzip and in zstd, and roots of one node that the real rpm, dnf and zypper
made. Kept from one run to the next. Needs root rights, since rpm changes into the root.
"""

import datetime
import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess

import rpm_world

HERE = pathlib.Path(__file__).parent
FORMS = {"gz": "dnf", "zst": "dnf", "suse": "zypper"}


class Bed:
    """`folder` is made anew when the programs that make it have changed."""

    def __init__(self, folder):
        self.folder = folder
        texts = [(HERE / name).read_bytes() for name in ("rpm_world.py", "rpm_bed.py")]
        key = hashlib.sha256(b"".join(texts)).hexdigest()
        ready = folder / "ready"
        if ready.exists() and ready.read_text() == key:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        world = rpm_world.World()
        for form in FORMS:
            for repository in rpm_world.REPOSITORIES:
                self.write_repository(world, form, repository)
        self.find_zypper()
        self.install(world)
        for form in FORMS:
            self.configure(form)
            self.run(self.dnf(form, "makecache") if FORMS[form] == "dnf" else self.zypper("refresh"))
        ready.write_text(key)

    # Repositories.

    def write_repository(self, world, form, repository):
        data = self.folder / form / repository / "repodata"
        data.mkdir(parents=True)
        entries = []
        empty = rpm_world.HEAD + '<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="0"></filelists>\n'
        # Without the files of packages, which only dnf would read: what it costs is not ours to compare.
        texts = {"primary": world.primary(repository), "filelists": [empty], "updateinfo": world.updateinfo(repository, FORMS[form])}
        for kind, parts in texts.items():
            text = "".join(parts).encode()
            ending, packed = ("zst", self.zstd(text)) if form == "zst" else ("gz", gzip.compress(text, 6, mtime=0))
            (data / f"{kind}.xml.{ending}").write_bytes(packed)
            sums = [hashlib.sha256(part).hexdigest() for part in (packed, text)]
            entries.append(
                f'  <data type="{kind}">\n    <checksum type="sha256">{sums[0]}</checksum>\n    <open-checksum type="sha256">{sums[1]}</open-checksum>\n'
                f'    <location href="repodata/{kind}.xml.{ending}"/>\n    <timestamp>1700000000</timestamp>\n'
                f"    <size>{len(packed)}</size>\n    <open-size>{len(text)}</open-size>\n  </data>\n"
            )
        head = rpm_world.HEAD + '<repomd xmlns="http://linux.duke.edu/metadata/repo">\n  <revision>1700000000</revision>\n'
        (data / "repomd.xml").write_text(head + "".join(entries) + "</repomd>\n")

    @staticmethod
    def zstd(text):
        return subprocess.run(["zstd", "-q", "-c", "-10"], input=text, stdout=subprocess.PIPE, check=True).stdout

    def sizes(self):
        """Of one form's metadata as read: kind to bytes."""
        found = {}
        for file in self.folder.glob("gz/*/repodata/*.xml.gz"):
            kind = file.name.split(".")[0]
            found[kind] = found.get(kind, 0) + len(gzip.decompress(file.read_bytes()))
        return found

    # The node.

    def root(self, form):
        return self.folder / "roots" / form

    def install(self, world):
        """The 400 packages, with files and changelogs so that their headers have some length, put into the database alone."""
        build = self.folder / "build"
        build.mkdir()
        files = []
        spec = ["Name: world\nVersion: 1\nRelease: 1\nSummary: world\nLicense: MIT\nVendor: Example\nAutoReqProv: no\n%description\nworld\n"]
        for at, (_, (epoch, version, release), binary, arch) in enumerate(world.installed):
            name = binary.name
            noarch = "BuildArch: noarch\n" if arch == "noarch" else ""
            spec.append(f"%package -n {name}\nSummary: {name}\nEpoch: {epoch}\nVersion: {version}\nRelease: {release}.el9\nAutoReqProv: no\n{noarch}")
            spec.append(f"%description -n {name}\n{name}\n%files -n {name}\n/usr/share/{name}\n")
            files += [f"usr/share/{name}/{world.words[(at * 31 + file) % 4000]}-{file}.conf" for file in range(20 + at % 100)]
        (build / "files").write_text("\n".join(files))
        days = [datetime.date(2024, 1, 1) - datetime.timedelta(days=at * 40) for at in range(16)]
        log = "".join(f"* {day:%a %b %d %Y} A Person <person@example.org> - {day:%y}-1\n- {world.text(40, 120)}\n" for day in days)
        into = "mkdir -p %{buildroot}\ncd %{buildroot}\n" + f"sed 's,/[^/]*$,,' {build}/files | sort -u | xargs mkdir -p\nxargs touch < {build}/files\n"
        (build / "world.spec").write_text("".join(spec) + f"%install\n{into}%changelog\n{log}")
        define = [f"--define=_{name}dir {build}{sub}" for name, sub in (("top", ""), ("rpm", "/out"))]
        define += [f"--define=_dbpath {build}/db", "--define=__os_install_post %{nil}", "--define=_binary_payload w0.gzdio"]
        self.run(["rpmbuild", "-bb", "--quiet", "--target", "x86_64-linux", *define, str(build / "world.spec")])
        rpms = sorted(map(str, (build / "out").rglob("*.rpm")))
        first = self.root("gz")
        (first / "var/lib/rpm").mkdir(parents=True)
        options = ["--justdb", "--nodeps", "--noscripts", "--ignorearch", "--nosignature", "--define", "_dbpath /var/lib/rpm", "--define", "_pkgverify_level none"]
        self.run(["rpm", "--root", str(first), "-i", *options, *rpms])
        for form in FORMS:
            if form != "gz":
                shutil.copytree(first / "var/lib/rpm", self.root(form) / "var/lib/rpm")
        shutil.rmtree(build)

    def configure(self, form):
        root = self.root(form)
        is_dnf = FORMS[form] == "dnf"
        for folder in ("etc/dnf/vars", "etc/yum.repos.d", "var/log", "var/cache") if is_dnf else ("etc/zypp/repos.d", "etc/products.d", "var/log"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        system = 'ID=rhel\nVERSION_ID="9.4"\nPLATFORM_ID="platform:el9"\n' if is_dnf else 'ID=sles\nVERSION_ID="15.5"\n'
        (root / "etc/os-release").write_text('NAME="Bench"\n' + system)
        for repository in rpm_world.REPOSITORIES:
            kind, place = ("file://", "etc/yum.repos.d") if is_dnf else ("dir:", "etc/zypp/repos.d")
            text = f"[{repository}]\nname={repository}\nbaseurl={kind}{self.folder / form / repository}\nenabled=1\ngpgcheck=0\n"
            (root / place / f"{repository}.repo").write_text(text + ("" if is_dnf else "autorefresh=0\nrepo_gpgcheck=0\npkg_gpgcheck=0\n"))
        if is_dnf:
            (root / "etc/dnf/dnf.conf").write_text("[main]\ngpgcheck=0\n")
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        # Debian's rpm keeps its database elsewhere.
        (home / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")

    # The tools.

    def environment(self):
        root = self.root("suse")
        own = {"HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8", "ZYPP_LOCKFILE_ROOT": str(root), "ZYPP_LOGFILE": str(root / "var/log/zypper.log")}
        return {**os.environ, **own}

    def dnf(self, form, *arguments):
        """Without plugins: what they cost is not dnf's."""
        root = self.root(form)
        places = {"reposdir": "etc/yum.repos.d", "varsdir": "etc/dnf/vars", "cachedir": "var/cache/dnf", "logdir": "var/log", "persistdir": "var/lib/dnf"}
        options = [f"--setopt={option}={root / place}" for option, place in places.items()]
        options += ["--setopt=module_platform_id=platform:el9", "--setopt=metadata_expire=never"]
        return ["dnf", "-q", "-y", "--releasever=9", "--noplugins", f"--installroot={root}", "-c", str(root / "etc/dnf/dnf.conf"), *options, *arguments]

    def find_zypper(self):
        """Debian's zypper and dnf's plugins exclude one another: unpacked it is, where it is not installed."""
        if shutil.which("zypper"):
            return
        tools = self.folder / "tools"
        tools.mkdir()
        subprocess.run(["apt-get", "-q", "download", "zypper"], cwd=tools, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["dpkg-deb", "-x", *map(str, tools.glob("zypper_*.deb")), str(tools)], check=True)

    def zypper(self, *arguments):
        own = self.folder / "tools/usr/bin/zypper"
        program = str(own) if own.exists() else "zypper"
        return [program, "--root", str(self.root("suse")), "--non-interactive", "--no-gpg-checks", "--no-refresh", *arguments]

    def forget_caches(self, form):
        """What dnf or libzypp made of the metadata, so that they read it again."""
        root = self.root(form)
        for file in root.glob("var/cache/dnf/*.solv*"):
            file.unlink()
        shutil.rmtree(root / "var/cache/zypp/solv", ignore_errors=True)

    def run(self, command, codes=(0,)):
        done = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode not in codes:
            raise SystemExit(f"{' '.join(command[:6])} ...: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout
