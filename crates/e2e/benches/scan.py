#!/usr/bin/env python3
"""What a scan costs, next to apt in the same run: CPU time of the whole process, instructions by callgrind, peak memory.

usage: scan.py [--agent PATH] [--runs N]

Needs a Debian machine with package lists, python3 and valgrind. Reads the machine, writes to a temporary folder only.
Exits 1 when a floor is missed: a scan with its index at least 30 times cheaper than `apt list --upgradable` and 10 times
cheaper than `apt-cache policy` of every installed package, both with apt's cache built; without the index 8 times; over
lists packed with lz4 15 times cheaper than apt over the same lists; building the index 10 times cheaper than apt builds
its cache; at most 12 MiB of memory.
"""

import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

MAX_RSS_MIB = 12.0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--agent", default="target/release/fettle-agent", type=pathlib.Path)
    arguments.add_argument("--runs", default=9, type=int)
    options = arguments.parse_args()
    for tool in ("apt-cache", "apt", "valgrind", "lz4", "dpkg-query"):
        if shutil.which(tool) is None:
            print(f"SKIPPED: {tool} is not installed")
            return 0
    if not options.agent.exists():
        print(f"{options.agent} is missing: cargo build --release -p agent", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as folder:
        return Bench(pathlib.Path(folder), options).run()


class Bench:
    def __init__(self, folder, options):
        self.folder = folder
        self.agent = str(options.agent.resolve())
        self.runs = options.runs
        self.missed = []
        self.apt = {form: self.prepare(form) for form in ("plain", "lz4")}
        names = subprocess.run(["dpkg-query", "-Wf", "${binary:Package}\\n"], capture_output=True, text=True, check=True)
        self.packages = names.stdout.split()

    def prepare(self, form):
        """Lists in one form and an apt configuration that uses them, with a cache folder of its own."""
        base = self.folder / form
        lists, cache = base / "lists", base / "cache"
        (lists / "partial").mkdir(parents=True)
        cache.mkdir()
        found = False
        for source in pathlib.Path("/var/lib/apt/lists").iterdir():
            name = source.name
            if name.endswith(("_InRelease", "_Release")):
                shutil.copy2(source, lists / name)
            match = re.fullmatch(r"(.*_Packages)(\.lz4|\.xz|\.gz|\.zst)?", name)
            if match:
                found = True
                self.pack(source, match[2], lists / match[1], form)
        if not found:
            raise SystemExit("no package lists: run apt-get update once")
        config = base / "apt.conf"
        config.write_text(
            f'Dir::State::lists "{lists}"; Dir::Cache "{cache}"; #clear Dir::Cache::pkgcache;\n'
            f'Dir::Cache::pkgcache "{cache}/pkgcache.bin"; Dir::Cache::srcpkgcache "{cache}/srcpkgcache.bin";\n'
        )
        # Settings of the machine are read after this file; its own cache settings would win.
        parts = base / "parts"
        parts.mkdir()
        (parts / "99bench").write_text(config.read_text())
        config.write_text(f'Dir::Etc::parts "{parts}";\n')
        return {"APT_CONFIG": str(config), "cache": cache}

    @staticmethod
    def pack(source, packed, target, form):
        tools = {None: ["cat"], ".lz4": ["lz4", "-dc"], ".xz": ["xz", "-dc"], ".gz": ["gzip", "-dc"], ".zst": ["zstd", "-dc"]}
        text = subprocess.run(tools[packed] + [str(source)], stdout=subprocess.PIPE, check=True).stdout
        if form == "plain":
            target.write_bytes(text)
        else:
            # As apt itself packs: linked blocks of 64 KiB, no checksums.
            subprocess.run(["lz4", "-q", "-1", "-B4", "-BD", "--no-frame-crc", "-", str(target) + ".lz4"], input=text, check=True)

    def measure(self, form, command, before=None):
        """The least CPU milliseconds of several runs, thousands of instructions, peak MiB."""
        environment = {**os.environ, "LC_ALL": "C", "APT_CONFIG": self.apt[form]["APT_CONFIG"]}
        least, peak = None, 0
        for _ in range(self.runs):
            if before:
                before()
            cpu, rss = self.run_once(command, environment)
            least, peak = cpu if least is None else min(least, cpu), max(peak, rss)
        if before:
            before()
        out = self.folder / "callgrind.out"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        errors = subprocess.run(valgrind + command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        instructions = int(re.search(r"Collected : (\d+)", errors.stderr)[1])
        return {"cpu": least * 1000, "instructions": instructions, "rss": peak / 1024}

    @staticmethod
    def run_once(command, environment):
        # A process in between, so that the peak memory of other children does not count.
        code = (
            "import os,resource,subprocess,sys\n"
            "p=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\n"
            "u=resource.getrusage(resource.RUSAGE_CHILDREN)\n"
            "print(p.returncode,u.ru_utime+u.ru_stime)\n"
        )
        done = subprocess.run([sys.executable, "-c", code] + command, env=environment, capture_output=True, text=True, check=True)
        status, cpu = done.stdout.split()
        if int(status) != 0:
            raise SystemExit(f"{command[:3]} failed")
        return float(cpu), Bench.peak_kib(command, environment)

    @staticmethod
    def peak_kib(command, environment):
        """VmHWM of the program itself: a child starts with its parent's pages counted against it."""
        process = subprocess.Popen(["/usr/bin/env", "--"] + command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        return usage.ru_maxrss

    def run(self):
        warm, no_index = self.folder / "data", ["--no-index"]
        scan = [self.agent, "--log-level", "error", "scan", "--no-refresh", "--data", str(warm)]
        rebuild_apt = lambda form: lambda: [path.unlink() for path in self.apt[form]["cache"].glob("*.bin")]
        forget = lambda: shutil.rmtree(warm, ignore_errors=True)
        rows = {}
        for form in ("plain", "lz4"):
            environment = {**os.environ, "APT_CONFIG": self.apt[form]["APT_CONFIG"]}
            subprocess.run(["apt-cache", "gencaches"], env=environment, check=True, capture_output=True)
            assert (self.apt[form]["cache"] / "pkgcache.bin").exists(), "apt did not keep its cache"
            rows[f"apt list --upgradable, {form}"] = self.measure(form, ["apt", "list", "--upgradable"])
            if form == "plain":
                rows["apt-cache policy of all installed"] = self.measure(form, ["apt-cache", "policy"] + self.packages)
                rows["apt builds its cache"] = self.measure(form, ["apt-cache", "gencaches"], rebuild_apt(form))
            forget()
            rows[f"scan, index is built, {form}"] = self.measure(form, scan, forget)
            rows[f"scan, index is there, {form}"] = self.measure(form, scan)
            rows[f"scan --no-index, {form}"] = self.measure(form, scan + no_index)
        self.print_rows(rows)
        upgradable, warm_scan = rows["apt list --upgradable, plain"], rows["scan, index is there, plain"]
        self.floor("index there, against apt list --upgradable", upgradable, warm_scan, 30)
        self.floor("index there, against apt-cache policy", rows["apt-cache policy of all installed"], warm_scan, 10)
        self.floor("no index, against apt list --upgradable", upgradable, rows["scan --no-index, plain"], 8)
        lz4 = rows["apt list --upgradable, lz4"]
        self.floor("lz4 lists, index there, against apt list on lz4", lz4, rows["scan, index is there, lz4"], 15)
        self.floor("lz4 lists, no index, against apt list on lz4", lz4, rows["scan --no-index, lz4"], 15)
        self.floor("index is built, against apt builds its cache", rows["apt builds its cache"], rows["scan, index is built, plain"], 10)
        for name, row in rows.items():
            if name.startswith("scan") and row["rss"] > MAX_RSS_MIB:
                self.missed.append(f"{name}: {row['rss']:.1f} MiB, at most {MAX_RSS_MIB} allowed")
        for line in self.missed:
            print(f"MISSED: {line}")
        return 1 if self.missed else 0

    @staticmethod
    def print_rows(rows):
        print(f"{'':<40}{'CPU ms':>10}{'M instructions':>16}{'peak MiB':>10}")
        for name, row in rows.items():
            print(f"{name:<40}{row['cpu']:>10.1f}{row['instructions'] / 1e6:>16.1f}{row['rss']:>10.1f}")
        print()

    def floor(self, what, peer, ours, floor):
        instructions = peer["instructions"] / ours["instructions"]
        cpu = peer["cpu"] / max(ours["cpu"], 0.1)
        print(f"{what:<52}{instructions:>8.1f}x instructions{cpu:>8.1f}x CPU   (floor {floor}x)")
        if min(instructions, cpu) < floor:
            self.missed.append(f"{what}: {min(instructions, cpu):.1f}x, floor {floor}x")


if __name__ == "__main__":
    sys.exit(main())
