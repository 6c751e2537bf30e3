#!/usr/bin/env python3
"""What a scan costs, next to apt in the same run: CPU time of the whole process, instructions by callgrind, peak memory.

usage: scan.py [--agent PATH] [--runs N]

Needs a Debian machine with package lists, python3 and valgrind. Reads the machine, writes to a temporary folder only.
Exits 1 when a floor is missed: a scan with its index at least 30 times cheaper than `apt list --upgradable` and 10 times
cheaper than `apt-cache policy` of every installed package, both with apt's cache built; without the index 8 times; with its
index over lists packed with lz4 15 times cheaper than apt over the same lists; building the index 10 times cheaper than apt builds
its cache; at most 12 MiB of memory.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from measure import Floors, instructions, peak_mib, print_rows, run_once

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
        """The least CPU milliseconds of several runs, instructions, and peak MiB of our own program."""
        environment = {**os.environ, "LC_ALL": "C", "APT_CONFIG": self.apt[form]["APT_CONFIG"]}
        least = None
        for _ in range(self.runs):
            if before:
                before()
            cpu = run_once(command, environment)
            least = cpu if least is None else min(least, cpu)
        if before:
            before()
        counted = instructions(command, environment, self.folder)
        if before:
            before()
        peak = peak_mib(command + ["--json"], environment) if command[0] == self.agent else None
        return {"cpu": least * 1000, "instructions": counted, "peak": peak}

    def run(self):
        warm, no_index = self.folder / "data", ["--no-index"]
        scan = [self.agent, "--log-level", "error", "scan", "--no-refresh", "--data", str(warm)]
        rebuild_apt = lambda form: lambda: [path.unlink() for path in self.apt[form]["cache"].glob("*.bin")]
        forget = lambda: shutil.rmtree(warm, ignore_errors=True)
        # What a scan finds after a package was installed: the lists' indexes, and no facts that still hold.
        forget_facts = lambda: shutil.rmtree(warm / "scan", ignore_errors=True)
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
            rows[f"scan, a package changed, {form}"] = self.measure(form, scan, forget_facts)
            rows[f"scan --no-index, {form}"] = self.measure(form, scan + no_index)
        print_rows(rows)
        floors = Floors()
        upgradable, warm_scan = rows["apt list --upgradable, plain"], rows["scan, index is there, plain"]
        floors.cheaper("index there, against apt list --upgradable", upgradable, warm_scan, 30)
        floors.cheaper("index there, against apt-cache policy", rows["apt-cache policy of all installed"], warm_scan, 10)
        changed = rows["scan, a package changed, plain"]
        floors.cheaper("index there, a package changed, against apt list", upgradable, changed, 15)
        floors.cheaper("no index, against apt list --upgradable", upgradable, rows["scan --no-index, plain"], 8)
        lz4 = rows["apt list --upgradable, lz4"]
        floors.cheaper("lz4 lists, index there, against apt list on lz4", lz4, rows["scan, index is there, lz4"], 15)
        # No floor: unpacking alone costs most of it, for apt as for us.
        floors.cheaper("lz4 lists, no index, against apt list on lz4", lz4, rows["scan --no-index, lz4"], 0)
        floors.cheaper("index is built, against apt builds its cache", rows["apt builds its cache"], rows["scan, index is built, plain"], 10)
        floors.at_most(rows, MAX_RSS_MIB)
        return floors.exit_code()


if __name__ == "__main__":
    sys.exit(main())
