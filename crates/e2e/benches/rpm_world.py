"""A made-up rpm world of the size of RHEL 9's: two repositories with 20,000 packages and 2,000 advisories, and a node that has 400 of
the packages, some of them behind. The same seed gives the same world. Writing it to a disk is `rpm_bed`'s.

What decides the cost of reading is taken from real metadata: lengths of descriptions, how many provisions, requirements and files a
package has, references and packages an advisory lists, text that compresses as real text does and checksums that do not.
"""

import hashlib
import random
from xml.sax.saxutils import escape, quoteattr

SEED = 9
PACKAGES, ADVISORIES, INSTALLED = 20_000, 2_000, 400
SOURCES = 1_050
FIRST_DAY = 1_652_745_600  # May 2022
SYLLABLES = "ba be bi bo da de di do fa fe ga ge ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe ra re ri ro sa se si so ta te ti to va ve".split()
REPOSITORIES = ("baseos", "appstream")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Source:
    """A source package: its binary packages, and its versions from the oldest on."""

    def __init__(self, name, repository, binaries):
        self.name, self.repository, self.binaries = name, repository, binaries
        self.versions = []


class Binary:
    def __init__(self, name, archs, text):
        self.name, self.archs, self.text = name, archs, text


class World:
    def __init__(self, seed=SEED):
        self.random = random.Random(seed)
        self.words = self.make_words()
        self.weights = [1 / (at + 3) for at in range(len(self.words))]
        self.names = set()
        self.sources = [self.make_source() for _ in range(SOURCES)]
        self.make_versions()
        self.fill_up()
        self.advisories = self.make_advisories()
        self.installed = self.make_node()

    def make_words(self):
        words = set()
        while len(words) < 4_000:
            words.add("".join(self.random.choice(SYLLABLES) for _ in range(self.random.choice((1, 2, 2, 3, 3, 4)))))
        return sorted(words, key=lambda word: (len(word), word))

    def text(self, low, high):
        """Some sentences, between so many bytes."""
        length, found = self.random.randint(low, high), []
        for word in self.random.choices(self.words, self.weights, k=length // 4):
            found.append(word)
            if self.random.random() < 0.08:
                found[-1] += ".\n" if self.random.random() < 0.3 else ","
        return " ".join(found)[:length].capitalize() + "."

    def name(self, of=None):
        while True:
            word = self.random.choice(self.words[200:])
            name = f"{of}-{word}" if of else self.random.choice(("", "", "", "lib", "python3-", "perl-")) + word
            if name not in self.names:
                self.names.add(name)
                return name

    def make_source(self, binaries=None):
        name = self.name()
        count = binaries or min(40, 1 + int(self.random.expovariate(1 / 2.6)))
        names = [name] + [self.name(name) for _ in range(count - 1)]
        archs = self.random.choices((("x86_64",), ("x86_64", "i686"), ("noarch",)), (55, 20, 25), k=count)
        repository = self.random.choices(REPOSITORIES, (35, 65))[0]
        return Source(name, repository, [Binary(*pair, self.package_text(pair[0])) for pair in zip(names, archs)])

    def make_versions(self):
        """Every version but the first comes with an advisory. Few sources have most of them."""
        for source in self.sources:
            source.versions.append(self.next_version(None))
        popular = [1 / (at + 12) for at in range(len(self.sources))]
        for source in self.random.choices(self.sources, popular, k=ADVISORIES):
            source.versions.append(self.next_version(source.versions[-1]))

    def next_version(self, before):
        epoch = before[0] if before else self.random.choices((0, 1, 2), (90, 7, 3))[0]
        if before is None:
            return (epoch, f"{self.random.randint(0, 9)}.{self.random.randint(0, 40)}.{self.random.randint(0, 9)}", 1)
        if self.random.random() < 0.7:
            return (epoch, before[1], before[2] + self.random.randint(1, 3))
        major, minor, patch = before[1].split(".")
        return (epoch, f"{major}.{minor}.{int(patch) + 1}", 1)

    def fill_up(self):
        """Sources of one package each, until there are as many packages as there are to be."""
        count = lambda source: len(source.versions) * sum(len(binary.archs) for binary in source.binaries)
        total = sum(count(source) for source in self.sources)
        while total > PACKAGES:
            total -= count(source := self.random.choice(self.sources))
            source.binaries.pop() if len(source.binaries) > 1 else None
            total += count(source)
        while total < PACKAGES:
            source = self.make_source(binaries=1)
            source.binaries[0].archs = ("x86_64",)
            source.versions.append(self.next_version(None))
            self.sources.append(source)
            total += 1

    def make_advisories(self):
        found = []
        for source in self.sources:
            for version in source.versions[1:]:
                kind = self.random.choices(("security", "bugfix", "enhancement"), (62, 32, 6))[0]
                severity = self.random.choices(("Critical", "Important", "Moderate", "Low"), (4, 36, 48, 12))[0]
                found.append((source, version, kind, severity if kind == "security" else "None"))
        self.random.shuffle(found)
        return found

    def make_node(self):
        """(source, version, binary, arch) of what is installed: a third of the sources is up to date, the others anywhere."""
        found = []
        for source in self.random.sample(self.sources[:SOURCES], SOURCES):
            at = len(source.versions) - 1
            if self.random.random() > 0.33:
                at = self.random.randint(0, at)
            for binary in source.binaries:
                if self.random.random() < 0.7 and len(found) < INSTALLED:
                    found.append((source, source.versions[at], binary, binary.archs[0]))
        assert len(found) == INSTALLED
        return found

    # Texts of metadata.

    def package_text(self, name):
        """What stays the same in every version and architecture of a package: the parts before and after its files' sums."""
        lists = {}
        for kind, low, high in (("provides", 1, 9), ("requires", 4, 22)):
            entries = []
            for _ in range(self.random.randint(low, high)):
                word = self.random.choice(self.words)
                form = self.random.choice(('lib{0}.so.{1}()(64bit)', 'lib{0}.so.{1}(LIB_{1}.{2})(64bit)', '{0}({0}-{2})', '{0}'))
                entries.append(f'      <rpm:entry name="{form.format(word, self.random.randint(1, 9), self.random.randint(1, 40))}"/>\n')
            lists[kind] = "".join(entries)
        files = "".join(f"    <file>/usr/bin/{self.random.choice(self.words)}-{at}</file>\n" for at in range(self.random.choice((0, 0, 0, 1, 2, 6))))
        obsoletes = ""
        if self.random.random() < 0.08:
            obsoletes = f'    <rpm:obsoletes>\n      <rpm:entry name="old-{name}" flags="LT" epoch="0" ver="1" rel="1"/>\n    </rpm:obsoletes>\n'
        about = f"  <summary>{escape(self.text(25, 70))}</summary>\n  <description>{escape(self.text(120, 900))}</description>\n"
        return about, lists["provides"], lists["requires"], obsoletes + files

    def packages(self, repository):
        """`(source, version, binary, arch)` of everything that a repository has."""
        for source in self.sources:
            if source.repository == repository:
                for version in source.versions:
                    for binary in source.binaries:
                        for arch in binary.archs:
                            yield source, version, binary, arch

    def primary(self, repository):
        entries = list(self.packages(repository))
        yield HEAD + '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" '
        yield f'packages="{len(entries)}">\n'
        for at, (source, (epoch, version, release), binary, arch) in enumerate(entries):
            about, provides, requires, rest = binary.text
            name, rel = binary.name, f"{release}.el9"
            own = f'flags="EQ" epoch="{epoch}" ver="{version}" rel="{rel}"/>\n'
            size = 9_000 + at * 7919 % 900_000
            yield (
                f'<package type="rpm">\n  <name>{name}</name>\n  <arch>{arch}</arch>\n  <version epoch="{epoch}" ver="{version}" rel="{rel}"/>\n'
                f'  <checksum type="sha256" pkgid="YES">{checksum(name, version, release, arch)}</checksum>\n{about}'
                f"  <packager>Example Build System &lt;build@example.org&gt;</packager>\n  <url>https://www.example.org/{source.name}</url>\n"
                f'  <time file="{FIRST_DAY + at * 300}" build="{FIRST_DAY + at * 290}"/>\n'
                f'  <size package="{size}" installed="{size * 3}" archive="{size * 3 + 1000}"/>\n'
                f'  <location href="Packages/{name[0]}/{name}-{version}-{rel}.{arch}.rpm"/>\n  <format>\n    <rpm:license>GPLv2+ and MIT</rpm:license>\n'
                f"    <rpm:vendor>Example</rpm:vendor>\n    <rpm:group>Unspecified</rpm:group>\n    <rpm:buildhost>x86-64-03.build.example.org</rpm:buildhost>\n"
                f"    <rpm:sourcerpm>{source.name}-{version}-{rel}.src.rpm</rpm:sourcerpm>\n"
                f'    <rpm:header-range start="4504" end="{4504 + size // 9}"/>\n    <rpm:provides>\n      <rpm:entry name="{name}" {own}'
                f'      <rpm:entry name="{name}({arch})" {own}{provides}    </rpm:provides>\n    <rpm:requires>\n{requires}    </rpm:requires>\n'
                f"{rest}  </format>\n</package>\n"
            )
        yield "</metadata>\n"

    def updateinfo(self, repository, form):
        """`form` is `dnf`, or `zypper` for advisories in SUSE's words."""
        number, rng = 0, random.Random(f"{SEED} {repository}")
        yield HEAD + "<updates>\n"
        for source, (epoch, version, release), kind, severity in self.advisories:
            number += 1
            if source.repository != repository:
                continue
            day = f"{2022 + number % 4}-{1 + number % 12:02}-{1 + number % 28:02} 09:30:00"
            if form == "dnf":
                letter = {"security": "S", "bugfix": "B", "enhancement": "E"}[kind]
                identity, title = f"EX{letter}A-{day[:4]}:{number:04}", f"{severity}: {source.name} security update"
                tail = f"<severity>{severity}</severity>"
            else:
                kind = {"security": "security", "bugfix": "recommended", "enhancement": "optional"}[kind]
                identity, title = f"EXAMPLE-SLE-Module-{repository}-15-SP5-{day[:4]}-{number}", f"{kind.capitalize()} update for {source.name}"
                tail = f"<severity>{severity.lower() if severity != 'None' else 'moderate'}</severity>"
            yield (
                f'<update from="security@example.org" status="final" type="{kind}" version="1">\n  <id>{identity}</id>\n  <title>{title}</title>\n'
                f'  <issued date="{day}"/>\n  <updated date="{day}"/>\n  <rights>Copyright Example</rights>\n  <release>Example 9</release>\n'
                f"  <pushcount>1</pushcount>\n  {tail}\n  <summary>An update for {source.name} is now available.</summary>\n"
                f"  <description>{escape(self.description(rng))}</description>\n  <solution>See https://access.example.org/articles/11258</solution>\n  <references>\n"
            )
            yield f'    <reference href="https://access.example.org/errata/{identity}" id="{identity}" type="self" title="{identity}"/>\n'
            for at in range(rng.randint(1, 9)):
                cve = f"CVE-{day[:4]}-{20000 + number * 11 + at}"
                bug = 2_000_000 + number * 13 + at
                if kind == "security":
                    yield f'    <reference href="https://access.example.org/security/cve/{cve}" id="{cve}" type="cve" title="{cve}"/>\n'
                about = quoteattr(f"{cve} {source.name}: {self.words[(number * 7 + at) % 3000]} in {self.words[number % 2000]}")
                yield f'    <reference href="https://bugs.example.org/show_bug.cgi?id={bug}" id="{bug}" type="bugzilla" title={about}/>\n'
            yield f'  </references>\n  <pkglist>\n    <collection short="{repository}-9">\n      <name>Example {repository} 9</name>\n'
            for binary in source.binaries:
                for arch in binary.archs:
                    file = f"{binary.name}-{version}-{release}.el9.{arch}.rpm"
                    yield (
                        f'      <package name="{binary.name}" version="{version}" release="{release}.el9" epoch="{epoch}" arch="{arch}" '
                        f'src="{source.name}-{version}-{release}.el9.src.rpm">\n        <filename>{file}</filename>\n'
                        f'        <sum type="sha256">{checksum(binary.name, version, release, arch)}</sum>\n      </package>\n'
                    )
            yield "    </collection>\n  </pkglist>\n</update>\n"
        yield "</updates>\n"

    def description(self, rng):
        words = rng.choices(self.words, self.weights, k=rng.randint(120, 520))
        return "\n".join(" ".join(words[at : at + 11]) for at in range(0, len(words), 11))


def checksum(*parts):
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()
