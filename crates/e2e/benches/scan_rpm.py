#!/usr/bin/env python3
"""What reading an rpm node costs, next to dnf and zypper in the same run, on a node of RHEL 9's size (`rpm_world`, `rpm_bed`).

usage: scan_rpm.py [--agent PATH] [--bed FOLDER] [--runs N]

Needs root rights, dnf, rpm, zypper's library and valgrind; touches nothing outside the bed's folder. Exits 1 when an answer differs
from the tool's or a floor is missed. The advisories that are lacking, read without any cache: at least 25 times cheaper than `dnf
updateinfo list --security` without one and 10 times cheaper than `zypper list-patches` without one. All updates, with the
index there: 20 times cheaper than `dnf check-update` with its caches, 8 times when a package changed. At most 32 MiB of memory,
whatever is asked.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile

from measure import Floors, instructions, peak_mib, print_rows, run_once
from rpm_bed import Bed

MAX_RSS_MIB = 32.0
# Everything is approved, so that every update is told as missing.
ALL = {
    "Name": "All",
    "OperatingSystem": "REDHAT_ENTERPRISE_LINUX",
    "ApprovalRules": {
        "PatchRules": [{"PatchFilterGroup": {"PatchFilters": [{"Key": "PRODUCT", "Values": ["*"]}]}, "ApproveAfterDays": 0, "EnableNonSecurity": True}]
    },
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--agent", default="target/release/fettle-agent", type=pathlib.Path)
    arguments.add_argument("--bed", default="target/bench-rpm", type=pathlib.Path)
    arguments.add_argument("--runs", default=9, type=int)
    options = arguments.parse_args()
    for tool in ("dnf", "rpm", "rpmbuild", "zstd", "valgrind"):
        if shutil.which(tool) is None:
            print(f"SKIPPED: {tool} is not installed")
            return 0
    if os.geteuid() != 0:
        print("SKIPPED: rpm needs root rights to change into a root")
        return 0
    if not options.agent.exists():
        print(f"{options.agent} is missing: cargo build --release -p agent", file=sys.stderr)
        return 2
    bed = Bed(options.bed.resolve())
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as folder:
        return Bench(bed, pathlib.Path(folder), options).run()


class Bench:
    def __init__(self, bed, folder, options):
        self.bed, self.folder, self.runs = bed, folder, options.runs
        self.agent = str(options.agent.resolve())
        self.baseline = folder / "all.json"
        self.baseline.write_text(json.dumps(ALL))
        self.floors = Floors()

    def advisories(self, form):
        return [self.agent, "--log-level", "error", "advisories", "--security", "--root", str(self.bed.root(form))]

    def scan(self, form):
        own = ["--data", str(self.folder / form), "--baseline", str(self.baseline)]
        return [self.agent, "--log-level", "error", "scan", "--no-refresh", "--root", str(self.bed.root(form)), *own]

    def own(self, command, before=lambda: None):
        """One of our commands."""
        row = self.cost(command, self.runs, before)
        before()
        return {**row, "peak": peak_mib(command + ["--json"], self.bed.environment())}

    def tool(self, command, before=lambda: None, codes=(0,)):
        """One of the tools, which are slow: fewer runs do."""
        return self.cost(command, max(2, self.runs // 3), before, codes)

    def cost(self, command, runs, before, codes=(0,)):
        environment = self.bed.environment()
        cpu = []
        for _ in range(runs):
            before()
            cpu.append(run_once(command, environment, codes))
        before()
        counted = instructions(command, environment, self.folder)
        return {"cpu": min(cpu) * 1000, "instructions": counted, "peak": None}

    def run(self):
        bed = self.bed
        print(", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in bed.sizes().items()))
        security, updates = bed.dnf("gz", "updateinfo", "list", "--security"), bed.dnf("gz", "check-update")
        patches = bed.zypper("list-patches", "--category", "security")
        self.compare(security, updates, patches)
        forget = lambda: shutil.rmtree(self.folder / "gz", ignore_errors=True)
        # As after a package was installed: the node is read anew, its metadata is not.
        forget_facts = lambda: shutil.rmtree(self.folder / "gz/scan", ignore_errors=True)
        rows = {
            "dnf updateinfo list --security, no caches": self.tool(security, lambda: bed.forget_caches("gz")),
            "dnf updateinfo list --security, caches there": self.tool(security),
            "dnf check-update, caches there": self.tool(updates, codes=(0, 100)),
            "zypper list-patches, no caches": self.tool(patches, lambda: bed.forget_caches("suse")),
            "zypper list-patches, caches there": self.tool(patches),
            "advisories --security, gz": self.own(self.advisories("gz")),
            "advisories --security, zst": self.own(self.advisories("zst")),
            "advisories --security, zypper's root": self.own(self.advisories("suse")),
            "scan, index is built": self.own(self.scan("gz"), forget),
            "scan, index is there": self.own(self.scan("gz")),
            "scan, a package changed": self.own(self.scan("gz"), forget_facts),
            "scan --no-index, gz": self.own(self.scan("gz") + ["--no-index"]),
            "scan --no-index, zst": self.own(self.scan("zst") + ["--no-index"]),
        }
        print_rows(rows)
        cheaper = lambda what, peer, ours, floor: self.floors.cheaper(what, rows[peer], rows[ours], floor)
        dnf, zypper = "dnf updateinfo list --security", "zypper list-patches"
        for form in ("gz", "zst"):
            cheaper(f"advisories ({form}), against {dnf}, neither with a cache", f"{dnf}, no caches", f"advisories --security, {form}", 25)
        cheaper(f"advisories, against {zypper}, neither with a cache", f"{zypper}, no caches", "advisories --security, zypper's root", 10)
        for row, floor in (("scan, index is there", 20), ("scan, a package changed", 8)):
            cheaper(f"{row}, against dnf check-update, caches there", "dnf check-update, caches there", row, floor)
        # No floors: one side has a cache, the other has none.
        cheaper("advisories (gz), no cache, against dnf with its caches", f"{dnf}, caches there", "advisories --security, gz", 0)
        cheaper("advisories, no cache, against zypper with its caches", f"{zypper}, caches there", "advisories --security, zypper's root", 0)
        cheaper(f"scan without an index, against {dnf} without caches", f"{dnf}, no caches", "scan --no-index, gz", 0)
        self.floors.at_most(rows, MAX_RSS_MIB)
        return self.floors.exit_code()

    # The same answers.

    def compare(self, security, updates, patches):
        bed = self.bed
        listed = {" ".join(line.split()[::2]) for line in bed.run(security).splitlines()}
        for form in ("gz", "zst"):
            own = json.loads(bed.run(self.advisories(form) + ["--json"]))
            self.equal(f"{form}: advisories", listed, {f"{entry['advisory']} {nevra(entry)}" for entry in own})
        told = {row[1] for row in table(bed.run(patches))}
        own = json.loads(bed.run(self.advisories("suse") + ["--json"]))
        self.equal("zypper's root: patches", told, {entry["advisory"] for entry in own})
        listed = {" ".join(line.split()[:2]) for line in check_update(bed.run(updates, (0, 100)))}
        for form, more in (("gz", []), ("gz", []), ("gz", ["--no-index"]), ("zst", ["--no-index"])):
            verdicts = json.loads(bed.run(self.scan(form) + more + ["--json"]))["evaluation"]["verdicts"]
            missing = {f"{verdict['name']}.{verdict['arch']} {verdict['candidate']['version']}" for verdict in verdicts if verdict["state"] == "Missing"}
            self.equal(f"{form} {' '.join(more)}: updates", listed, missing)

    def equal(self, what, theirs, ours):
        print(f"{what}: {len(theirs)}, the same {len(theirs & ours)}")
        if theirs != ours or not theirs:
            self.floors.missed.append(f"{what}: only theirs {sorted(theirs - ours)[:5]}, only ours {sorted(ours - theirs)[:5]}")


def nevra(entry):
    return f"{entry['name']}-{entry['version']}.{entry['arch']}"


def table(text):
    """The cells of the rows that zypper prints."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if "-+-" in line) + 1
    return [[cell.strip() for cell in line.split("|")] for line in lines[start:] if "|" in line]


def check_update(text):
    lines = text.split("Obsoleting Packages")[0].splitlines()
    return [line for line in lines if len(line.split()) == 3]


if __name__ == "__main__":
    sys.exit(main())
