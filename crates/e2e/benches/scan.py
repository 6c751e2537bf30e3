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
import time

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
        """The least CPU milliseconds of several runs, instructions, and peak MiB of our own program."""
        environment = {**os.environ, "LC_ALL": "C", "APT_CONFIG": self.apt[form]["APT_CONFIG"]}
        least = None
        for _ in range(self.runs):
            if before:
                before()
            cpu = self.run_once(command, environment)
            least = cpu if least is None else min(least, cpu)
        if before:
            before()
        out = self.folder / "callgrind.out"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        errors = subprocess.run(valgrind + command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        instructions = int(re.search(r"Collected : (\d+)", errors.stderr)[1])
        if before:
            before()
        peak = self.peak_mib(command + ["--json"], environment) if command[0] == self.agent else None
        return {"cpu": least * 1000, "instructions": instructions, "peak": peak}

    @staticmethod
    def run_once(command, environment):
        """CPU seconds of the process and its children. Spawned, not forked: a copy of this program is not to be counted."""
        with open(os.devnull, "wb") as nowhere:
            outputs = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1), (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2)]
            pid = os.posix_spawn(shutil.which(command[0]), command, environment, file_actions=outputs)
            _, status, usage = os.wait4(pid, 0)
        if status != 0:
            raise SystemExit(f"{command[:3]} failed")
        return usage.ru_utime + usage.ru_stime

    @staticmethod
    def peak_mib(command, environment):
        """VmHWM at the end of the work: the report is larger than a pipe holds, so the program waits to be read there.

        The peak that wait4 tells would count the memory of the process that started it.
        """
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        status = pathlib.Path(f"/proc/{process.pid}/status")
        wait_channel = pathlib.Path(f"/proc/{process.pid}/syscall")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            # write(1, ...) is system call 1 on x86-64 and 64 on arm64.
            if wait_channel.read_text().split()[:2] in (["1", "0x1"], ["64", "0x1"]):
                break
            time.sleep(0.002)
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])
        process.stdout.read()
        process.wait()
        return peak / 1024

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
        self.print_rows(rows)
        upgradable, warm_scan = rows["apt list --upgradable, plain"], rows["scan, index is there, plain"]
        self.floor("index there, against apt list --upgradable", upgradable, warm_scan, 30)
        self.floor("index there, against apt-cache policy", rows["apt-cache policy of all installed"], warm_scan, 10)
        changed = rows["scan, a package changed, plain"]
        self.floor("index there, a package changed, against apt list", upgradable, changed, 15)
        self.floor("no index, against apt list --upgradable", upgradable, rows["scan --no-index, plain"], 8)
        lz4 = rows["apt list --upgradable, lz4"]
        self.floor("lz4 lists, index there, against apt list on lz4", lz4, rows["scan, index is there, lz4"], 15)
        # No floor: unpacking alone costs most of it, for apt as for us.
        self.floor("lz4 lists, no index, against apt list on lz4", lz4, rows["scan --no-index, lz4"], 0)
        self.floor("index is built, against apt builds its cache", rows["apt builds its cache"], rows["scan, index is built, plain"], 10)
        for name, row in rows.items():
            if row["peak"] is not None and row["peak"] > MAX_RSS_MIB:
                self.missed.append(f"{name}: {row['peak']:.1f} MiB, at most {MAX_RSS_MIB} allowed")
        for line in self.missed:
            print(f"MISSED: {line}")
        return 1 if self.missed else 0

    @staticmethod
    def print_rows(rows):
        print(f"{'':<40}{'CPU ms':>10}{'M instructions':>16}{'peak MiB':>10}")
        for name, row in rows.items():
            peak = "" if row["peak"] is None else f"{row['peak']:.1f}"
            print(f"{name:<40}{row['cpu']:>10.1f}{row['instructions'] / 1e6:>16.1f}{peak:>10}")
        print()

    def floor(self, what, peer, ours, floor):
        instructions = peer["instructions"] / ours["instructions"]
        cpu = peer["cpu"] / max(ours["cpu"], 0.1)
        print(f"{what:<52}{instructions:>8.1f}x instructions{cpu:>8.1f}x CPU   (floor {floor}x)")
        if min(instructions, cpu) < floor:
            self.missed.append(f"{what}: {min(instructions, cpu):.1f}x, floor {floor}x")


if __name__ == "__main__":
    sys.exit(main())
